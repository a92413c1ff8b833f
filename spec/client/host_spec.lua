-- host/client/client.js and the real program, which the tests in node start and end.

local tests = require "spec.client.tests"

describe("The JavaScript client and a host: plain HTTP", function() tests.add "spec/client/host.mjs" end)
describe("The JavaScript client and a host: sockets", function() tests.add "spec/client/sockets.mjs" end)
