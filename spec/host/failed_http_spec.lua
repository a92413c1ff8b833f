-- An operator asks a running host what it has given up, and what an actor is about to do: over HTTP, and as lines for
-- people.
local files = require "spec.support.files"
local http = require "spec.support.http"
local program = require "spec.support.program"
local json = require "cjson"

-- A run that has saved is given up when it fails, at once and not after ten tries.
local worker = [[
local Actor = require "troupe.actor"
local Worker = Actor:extend "Worker"
function Worker:initialize_state() return { runs = 0, broken = true } end
function Worker:set(_, how, when, method, ...) return self.schedule[how](self.schedule, when, method, ...) end
function Worker:send_to(_, class, key, method, ...) self:send(self:actor(class, key), method, ...) end
function Worker:mend() self.state.broken = false end
function Worker:runs() return self.state.runs end
function Worker:work()
  self.state.runs = self.state.runs + 1
  if not self.state.broken then return end
  self:save_state()
  error(UserError "it is\nbroken")
end
function Worker:fail() error(UserError "not yet") end
return Worker]]

local never = [[
local Actor = require "troupe.actor"
local Never = Actor:extend "Never"
function Never:initialize_state() error(UserError "never") end
function Never:hear() end
return Never]]

for _, workers in ipairs { "1", "3" } do
  describe("A host with " .. workers .. " workers that is asked what it has given up", function()
    local folder, host, bearer

    before_each(function()
      folder = program.folder()
      os.execute(("mkdir -p %s/actors"):format(folder))
      files.write(folder .. "/actors/worker.lua", worker)
      files.write(folder .. "/actors/never.lua", never)
      host = program.serve(folder .. "/actors", folder .. "/data", "--workers", workers)
      bearer = { Authorization = "Bearer " .. files.read(folder .. "/data/token"):match "%S+" }
    end)

    after_each(function()
      host:close()
      program.remove(folder)
    end)

    local function call(key, method, arguments)
      local answer = http.request(host.address, "POST", ("/actors/Worker/%s/%s"):format(key, method), arguments or "[]")
      assert.equal(200, answer.status, answer.body)
      return answer:json().result
    end

    local function ask(method, path)
      return http.request(host.address, method, path, method == "POST" and "" or nil, bearer)
    end

    local function failed(query)
      local answer = ask("GET", "/failed" .. (query or ""))
      assert.equal(200, answer.status, answer.body)
      return answer:json().result, answer.body
    end

    -- A schedule of "a", and a message from "b" to "a", are given up.
    local function give_up()
      call("a", "set", '["after", 0, "work", {"x": 1}, [2]]')
      call("b", "send_to", '["Worker", "a", "work", "y"]')
      program.eventually("both are given up", function() return #failed().failed == 2 end)
    end

    -- The same, and then what was in their way is gone. Returns both, and how often "a" has run.
    local function give_up_and_mend()
      give_up()
      local message, schedule = table.unpack(failed().failed)
      call("a", "mend")
      return message, schedule, call("a", "runs")
    end

    it("tells of nothing where there is nothing, and nobody without the token", function()
      assert.equal('{"result":{"failed":[],"next":null}}', select(2, failed()))
      local status, output = host:ask "failed"
      assert.same({ 0, "nothing is given up\n" }, { status, output })
      local one_of_each = { { "GET", "/failed" }, { "POST", "/failed/s-1-1-1/retry" }, { "DELETE", "/failed/s-1-1-1" } }
      for _, one in ipairs(one_of_each) do
        local body = one[1] == "POST" and "" or nil
        http.assert_refused(401, "unauthorized", nil, http.request(host.address, one[1], one[2], body))
      end
      http.assert_refused(405, "method_not_allowed", nil, ask("DELETE", "/failed"))
      http.assert_refused(405, "method_not_allowed", nil, ask("GET", "/failed/s-1-1-1"))
      http.assert_refused(404, "path_not_found", nil, ask("POST", "/failed/s-1-1-1/drop"))
      http.assert_refused(400, "invalid_request", "limit and after", ask("GET", "/failed?begins=1"))
      http.assert_refused(400, "invalid_request", "1 to 1000", ask("GET", "/failed?limit=0"))
      http.assert_refused(400, "invalid_request", "1 to 1000", ask("GET", "/failed?limit=1001"))
      http.assert_refused(400, "invalid_request", "twice", ask("GET", "/failed?limit=1&limit=1"))
      http.assert_refused(400, "invalid_request", "not an id", ask("GET", "/failed?after=x"))
      for _, id in ipairs { "x", "s-01-1-1", "s-1-1-1", "m-1-1-1-1", "s-1-1-1-1", "s-1024-1-1" } do
        http.assert_refused(404, "failed_not_found", nil, ask("DELETE", "/failed/" .. id))
        http.assert_refused(404, "failed_not_found", nil, ask("POST", "/failed/" .. id .. "/retry"))
      end
    end)

    it("shows it, in pages, as a list and as lines", function()
      give_up()
      local message, schedule = table.unpack(failed().failed)
      assert.same({ "message", "Worker", "a", "work", { "y" }, { class = "Worker", key = "b" }, 1, "it is\nbroken" },
        { message.kind, message.class, message.key, message.method, message.args, message.sender, message.tries,
          message.error:match "it is\nbroken$" })
      assert.same({ "schedule", "Worker", "a", "work", { { x = 1 }, { 2 } }, 1, "it is\nbroken" },
        { schedule.kind, schedule.class, schedule.key, schedule.method, schedule.args, schedule.tries,
          schedule.error:match "it is\nbroken$" })
      local page = failed "?limit=1"
      assert.same({ 1, message.id, message.id }, { #page.failed, page.failed[1].id, page.next })
      page = failed("?limit=1&after=" .. page.next)
      assert.same({ 1, schedule.id }, { #page.failed, page.failed[1].id })
      local status, output, complaint = host:ask "failed"
      assert.equal(0, status, complaint)
      local lines = output:gsub("%d+%-%d+%-%d+ %d+:%d+:%d+ UTC", "_")
      assert.matches("^" .. (message.id .. "  Worker/a.work, from Worker/b  1 try"):gsub("%p", "%%%0"), lines)
      local begin = (schedule.id .. "  Worker/a.work  1 try, last due _\n"):gsub("%p", "%%%0")
      assert.matches(begin .. '    "[^\n]*it is\\nbroken"\n$', lines)
    end)

    it("lets it begin anew, or drops it", function()
      local message, schedule, runs = give_up_and_mend()
      local answer = ask("POST", "/failed/" .. message.id .. "/retry")
      assert.same({ 200, '{"result":null}' }, { answer.status, answer.body })
      program.eventually("it has run", function() return call("a", "runs") == runs + 1 end)
      assert.equal(200, ask("DELETE", "/failed/" .. schedule.id).status)
      assert.same({}, failed().failed)
      http.assert_refused(404, "failed_not_found", nil, ask("DELETE", "/failed/" .. schedule.id))
    end)

    it("does so from a command line", function()
      local message, schedule, runs = give_up_and_mend()
      assert.same({ 0, "", "" }, { host:ask("failed", "retry", schedule.id) })
      program.eventually("it has run", function() return call("a", "runs") == runs + 1 end)
      assert.same({ 0, "", "" }, { host:ask("failed", "drop", message.id) })
      assert.same({ 0, "nothing is given up\n", "" }, { host:ask "failed" })
      local status, _, complaint = host:ask("failed", "drop", message.id)
      assert.equal(1, status)
      assert.matches("^troupe: failed_not_found: ", complaint)
      status, _, complaint = host:ask("failed", "retry")
      assert.equal(2, status)
      assert.matches("wants the ID", complaint)
      status, _, complaint = host:ask("failed", "again", message.id)
      assert.equal(2, status)
      assert.matches("retry ID, or drop ID, and not again", complaint)
    end)

    it("shows what an actor is about to do, and what waits for it", function()
      call("c", "set", '["after", 3600, "work"]')
      call("c", "set", '["cron", "0 0 1 1 *", "work"]')
      call("c", "set", '["every", 7200, "work", 1]')
      call("b", "send_to", '["Worker", "c", "fail", 1]')
      call("b", "send_to", '["Worker", "c", "fail", 2]')
      local path, seen = "/actors/Worker/c", nil
      program.eventually("the first one has been tried", function()
        seen = ask("GET", path):json()
        return seen.messages.first[1] and seen.messages.first[1].tries >= 1
      end)
      assert.same({ runs = 0, broken = true }, seen.result)
      assert.same({ 3, 3 }, { #seen.schedules, seen.schedule_count })
      assert.same({ "work", 0, false }, { seen.schedules[1].method, seen.schedules[1].tries, seen.schedules[1].failed })
      assert.same({ 7200, "0 0 1 1 *" }, { seen.schedules[2].every, seen.schedules[3].cron })
      assert.same({ 2, false, { class = "Worker", key = "b" }, "fail", "not yet" },
        { seen.messages.count, seen.messages.more, seen.messages.first[1].sender, seen.messages.first[1].method,
          seen.messages.first[1].error })
      local status, output = host:ask("inspect", "Worker", "c")
      assert.same({ 0, { runs = 0, broken = true } }, { status, json.decode(output) })
      status, output = host:ask("inspect", "--all", "Worker", "c")
      local all = json.decode(output)
      assert.same({ 0, seen.result, 3, 2 }, { status, all.result, #all.schedules, all.messages.count })
    end)

    it("shows what waits for an actor that there is not", function()
      call("b", "send_to", '["Never", "n", "hear"]')
      local answer
      program.eventually("it has been tried", function()
        answer = ask("GET", "/actors/Never/n")
        local first = answer:json().messages.first
        return first and first[1] and first[1].tries >= 1
      end)
      local seen = answer:json()
      assert.same({ 404, "actor_not_found", 0, 1 },
        { answer.status, seen.error.code, #seen.schedules, seen.messages.count })
      local status, output, complaint = host:ask("inspect", "--all", "Never", "n")
      assert.same({ 1, 1 }, { status, json.decode(output).messages.count })
      assert.matches("^troupe: actor_not_found: ", complaint)
      status, output = host:ask("inspect", "Never", "n")
      assert.same({ 1, "" }, { status, output })
      seen = ask("GET", "/actors/Nobody/n"):json()
      assert.same({ "class_not_found", 0 }, { seen.error.code, seen.messages.count })
    end)
  end)
end
