-- Tic-tac-toe: one actor a game. The board, and whose the seats are, is its state. Which seat somebody who is there
-- has, if any, is the state of their connection.
local Actor = require "troupe.actor"

---@class Game: Actor
local Game = Actor:extend "Game"

local LINES = { { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 }, { 1, 4, 7 }, { 2, 5, 8 }, { 3, 6, 9 }, { 1, 5, 9 }, { 3, 5, 7 } }
local OTHER = { X = "O", O = "X" }

local function refuse(code, message)
  error(UserError(message, { code = code }))
end

local function empty_board()
  return array { "", "", "", "", "", "", "", "", "" }
end

function Game:initialize_state()
  return { board = empty_board(), turn = "X", seats = {} }
end

--- A page says who it is by a text that only it knows, { player }, so that it has its seat again when it comes back.
--- What this returns is the state of the connection.
function Game:on_before_connect(params)
  local player = type(params) == "table" and params.player
  if type(player) ~= "string" or #player < 8 or #player > 100 then
    refuse("invalid_player", "player must be a text of 8 to 100 bytes")
  end
  return { player = player }
end

-- Gives somebody the seat that is theirs, or else one that is free.
function Game:_seat(connection)
  local seats, player = self.state.seats, connection.state.player
  local seat = seats.X == player and "X" or seats.O == player and "O" or not seats.X and "X" or not seats.O and "O"
  if seat then seats[seat] = player end
  connection.state.seat = seat or nil
end

function Game:_is_here(seat)
  for _, connection in ipairs(self.connections) do
    if connection.state.seat == seat then return true end
  end
  return false
end

function Game:_winner()
  local board = self.state.board
  for _, line in ipairs(LINES) do
    local mark = board[line[1]]
    if mark ~= "" and mark == board[line[2]] and mark == board[line[3]] then return mark end
  end
end

function Game:_is_over()
  if self:_winner() then return true end
  for _, mark in ipairs(self.state.board) do
    if mark == "" then return false end
  end
  return true
end

-- Shows everybody who is there the game as they see it.
function Game:_show()
  local watching = 0
  for _, connection in ipairs(self.connections) do
    if not connection.state.seat then watching = watching + 1 end
  end
  for _, connection in ipairs(self.connections) do
    connection:send("game", {
      you = connection.state.seat,
      board = self.state.board,
      turn = self.state.turn,
      over = self:_is_over(),
      winner = self:_winner(),
      here = { X = self:_is_here "X", O = self:_is_here "O" },
      watching = watching,
    })
  end
end

function Game:on_connect(connection)
  self:_seat(connection)
  self:_show()
end

function Game:on_disconnect()
  self:_show()
end

-- The seat of the caller. A call over HTTP has none: nobody sits there.
local function seat_of(rpc)
  return rpc.connection.state.seat or refuse("watching", "You watch this game")
end

--- Puts the mark of the caller into a cell, 1 to 9.
function Game:place(rpc, cell)
  local state, seat = self.state, seat_of(rpc)
  if self:_is_over() then refuse("over", "This game is over") end
  if state.turn ~= seat then refuse("not_your_turn", "It is the turn of " .. state.turn) end
  if math.type(cell) ~= "integer" or not state.board[cell] then refuse("no_such_cell", "A cell is 1 to 9") end
  if state.board[cell] ~= "" then refuse("taken", "This cell is taken") end
  state.board[cell] = seat
  state.turn = OTHER[seat]
  self:_show()
end

--- Begins anew, when the game is over or the other player has left. Who has left gives up the seat; who has watched for
--- longest gets it.
function Game:again(rpc)
  local state, seat = self.state, seat_of(rpc)
  if not self:_is_over() and self:_is_here(OTHER[seat]) then refuse("not_over", "This game is not over") end
  state.board, state.turn = empty_board(), "X"
  for _, mark in ipairs { "X", "O" } do
    if not self:_is_here(mark) then state.seats[mark] = nil end
  end
  for _, connection in ipairs(self.connections) do self:_seat(connection) end
  self:_show()
end

return Game
