-- The rules of the house. A rule is a function that complains of a file, in words that say what to do.
-- spec/tidy_spec.lua holds all files against them, and tries each rule on samples.

local files = require "spec.tidy.house"
local text = require "spec.tidy.text"

local rules = {}   -- name -> function(file, complain, house); complain(line, message)

local function take(some)
  for name, rule in pairs(some) do rules[name] = rule end
end

take(text.rules)
take(require "spec.tidy.rooms")
take(require "spec.tidy.includes")
take(require "spec.tidy.names")
take(require "spec.tidy.code")
take(require "spec.tidy.bets")
take(require "spec.tidy.columns")
take(require "spec.tidy.kit")
take(require "spec.tidy.packages")
take(require "spec.tidy.docs")

local function complaints(rule, house)
  local found = {}
  for path, file in pairs(house) do
    rules[rule](file, function(line, message)
      table.insert(found, ("%s:%d: %s"):format(path, line, message))
    end, house)
  end
  table.sort(found)
  return found
end

return {
  rules = rules, complaints = complaints, read_house = files.read_house, sample_house = files.sample_house,
  WORDS = text.WORDS, FOLDERS = text.FOLDERS, LINES_MAX = text.LINES_MAX, FUNCTION_LINES_MAX = text.FUNCTION_LINES_MAX,
}
