-- host/client/client.js in node, with a fake host in the same process: spec/client/fake_host.mjs.

local tests = require "spec.client.tests"

describe("The JavaScript client: calls", function() tests.add "spec/client/calls.mjs" end)
describe("The JavaScript client: plain HTTP", function() tests.add "spec/client/http.mjs" end)
describe("The JavaScript client: events", function() tests.add "spec/client/events.mjs" end)
describe("The JavaScript client: lost connections", function() tests.add "spec/client/loss.mjs" end)
describe("The JavaScript client: ends", function() tests.add "spec/client/ends.mjs" end)
describe("The JavaScript client: frames", function() tests.add "spec/client/frames.mjs" end)
