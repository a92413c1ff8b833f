-- A link of chains. A plan tells each visit what to change, whom to call, and how to go on where that fails. Each
-- change leaves its number, and what was done before it: whoever has the number knows what else must be there.
local Actor = require "troupe.actor"

---@class Link: Actor
local Link = Actor:extend "Link"

function Link:initialize_state()
  return { changes = array {}, heard = {} }
end

local NEWS = "news of "      -- fields of self: how many changes of another link were heard of, in memory only

local function hear(self, news)
  for key, count in pairs(news) do
    local field = NEWS .. key
    if count > (self[field] or 0) then self[field] = count end
  end
end

-- All that a visit may tell others: what was heard, and its own changes that were committed.
local function news_of(self, committed)
  local news = {}
  for field, count in pairs(self) do
    local key = field:match("^" .. NEWS .. "(.*)")
    if key then news[key] = count end
  end
  news[self.key[1]] = committed
  return news
end

local steps = {}

-- { "change", number, writes }; `writes`: what was heard is written down too.
function steps.change(self, visit, number, writes)
  table.insert(self.state.changes, number)
  self.kv:put(number, { done = visit.done, failed = visit.failed })
  table.insert(visit.done, array { self.key[1], number })
  if not writes then return end
  for key, count in pairs(news_of(self, visit.committed)) do self.state.heard[key] = count end
end

-- { "save" }
function steps.save(self, visit)
  self:save_state()
  visit.committed = #self.state.changes
end

-- { "fail" }
function steps.fail(self, visit)
  error(UserError("it was told to fail", { code = "told", metadata = news_of(self, visit.committed) }))
end

-- { "call", number, key, catches, idempotency key or false, plan, seconds or false }. Without an idempotency key the
-- other is told what this one has heard: arguments of a repeat must be the same.
function steps.call(self, visit, number, key, catches, once, plan, timeout)
  local link = self:actor("Link", key, { idempotency_key = once or nil, timeout = timeout or nil })
  local news = not once and news_of(self, visit.committed) or {}
  if not catches then
    return visit.take(link:visit(plan, news))
  end
  local ok, result = pcall(link.visit, link, plan, news)
  if ok then return visit.take(result) end
  if result.code == "told" then hear(self, result.metadata) end
  if not result.message:find("no word came", 1, true) then      -- else it is not known whether it happened
    table.insert(visit.failed, array { number, result.code })
  end
end

--- Answers what was done, as { key, number } each, and what was heard, that included.
function Link:visit(_, plan, news)
  local visit = { committed = #self.state.changes, done = array {}, failed = array {} }
  function visit.take(result)
    hear(self, result.news)
    table.move(result.done, 1, #result.done, #visit.done + 1, visit.done)
  end
  hear(self, news)
  for _, step in ipairs(plan) do steps[step[1]](self, visit, table.unpack(step, 2)) end
  return { done = visit.done, news = news_of(self, #self.state.changes) }
end

--- What was heard: it changes nothing.
function Link:look() return { done = array {}, news = news_of(self, #self.state.changes) } end

return Link
