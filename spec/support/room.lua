--- The class Room, whose actors end in every way: for the specs of what is left of an actor, and around it.

local hosts = require "spec.support.hosts"

return hosts.class("Room", [[
  Class.state_version = 2
  lives = lives or 0
  function Class:initialize_state(input)
    lives = lives + 1
    return { life = lives, words = { "a", "b" }, input = input }
  end
  function Class:on_start() if self.kv:get "cannot start" then error "cannot start" end end
  function Class:on_stop() self.log:info "stops" end
  function Class:on_destroy()
    self.log:info("is destroyed", { life = self.state.life })
    local farewell = self.kv:get "farewell"
    if farewell == "error" then error(UserError("not now", { code = "not_now" })) end
    if farewell == "fault" then error "cannot go" end
    if farewell == "destroy" then self:destroy() end
    if farewell == "save" then self:save_state() end
    if type(farewell) == "table" then self:actor("Room", farewell[1]):note(farewell[2]) end
  end
  function Class:note(_, word) self.kv:put("note", word) end
  function Class:noted() return self.kv:get "note" end
  function Class:life() return self.state.life end
  function Class:fill(_, count)
    for i = 1, count do self.kv:put({ "k", i }, ("v"):rep(100)) end
    return self.state.life
  end
  function Class:count() return self.kv:count() end
  function Class:with(_, farewell) self.kv:put("farewell", farewell) end
  function Class:destroy_and(_, what, ...)
    self:destroy()
    return self[what](self, nil, ...)
  end
  function Class:go(_, result) self:destroy(); return result end
  function Class:twice() self:destroy(); self:destroy() end
  function Class:fail() self:destroy(); error(UserError("no")) end
  function Class:caught() pcall(function() self:destroy(); error "in vain" end) end
  function Class:save() self:save_state() end
  function Class:saves_first()
    self.kv:put("saved", 1)
    self:save_state()
    self.kv:put("not saved", 1)
    self:destroy()
    return self.kv:count()
  end
  function Class:saves_and_fails()
    self.kv:put("saved", 1)
    self:save_state()
    self:destroy()
    error(UserError("no"))
  end
  function Class:works_on()
    self:destroy()
    self.state.words[3] = "c"
    self.kv:put("more", 1)
    self.kv:delete_range { prefix = "k" }
    return { #self.state.words, self.kv:get "more", self.kv:count() }
  end
  function Class:leaves_rubbish() self:destroy(); self.state.twice = { self.state.words } end
  function Class:in_a_loop()
    local keys = 0
    kept = self.kv:each()
    for _ in self.kv:each() do
      keys = keys + 1
      if keys == 1 then self:destroy() end
      self.kv:put({ "new", keys }, 1)
    end
    return keys
  end
  function Class:goes_on_with_it() return kept() end
  function Class:keep() mine = self; kept_words = self.state.words end
  function Class:of_others() return mine.state end
  function Class:words_of_others() return kept_words[1] end
  function Class:in_a_coroutine() coroutine.wrap(function() self:destroy() end)() end
  function Class:by_another(_, how)
    if how == "dot" then self.destroy() end
    if how == "other" then self.destroy(mine) end
    if how == "nothing" then self.destroy {} end
  end
  function Class:destroy_others(_, ...)
    for _, key in ipairs { ... } do self:actor("Room", key):go() end
    return self.state.life
  end
  function Class:after(_, key, method, ...) return self:actor("Room", key)[method](self:actor("Room", key), ...) end
  function Class:after_without(_, key, method)
    local room = self:actor("Room", key, { create = false })
    return room[method](room)
  end
  function Class:around(_, key) self:destroy(); return self:actor("Room", key):after(self.key[1], "life") end
  function Class:waits_and_goes(_, key) self:actor("Room", key):slow(); self:destroy() end
  function Class:slow() self.kv:put("slow", 1); self:save_state() end
  function Class:tell(_, key, method, ...) self:send(self:actor("Room", key), method, ...) end
  function Class:tell_and_go(_, key, ...) self:tell(nil, key, "note", ...); self:destroy() end
  function Class:plan(_, how, seconds, method, ...) return self.schedule[how](self.schedule, seconds, method, ...) end
  function Class:plans(_, count)
    for i = 1, count do self.schedule:after(3600 + i, "life") end
    self.schedule:at(os.time() + 7200, "life")
    self.schedule:every(5000, "life")
    return #self.schedule:list()
  end
  function Class:plans_and_goes(_, saves)
    self.schedule:after(1, "life")
    if saves then self:save_state() end
    self:destroy()
    self.schedule:after(2, "life")
  end
  function Class:saves_and_breaks() self.kv:put("saved", 1); self:save_state(); error "broken" end
  function Class:saves_and_goes() self.kv:put("saved", 1); self:save_state(); self:destroy() end
]])
