-- What the dissector remembers of a capture: which end is the server, the clients' own ids, keys, packet numbers.
--
-- Knows bytes as strings only. It is emptied when a capture is opened; everything learned grows with the capture.

local state = {}

local gcm = ...

-- Tried above the newest number known; a capture may begin in the middle.
local NUMBER_HIGHS = 32
-- Connections of the key log tried for a packet to a client.
local TRIED = 256

function state.reset()
    -- "address:port" of servers; by that of clients, the own ids seen there and the connection that each had last.
    state.servers, state.clients = {}, {}
    -- Connections of the key log by id, and in its order.
    state.by_id, state.connections = {}, {}
    -- Frame number → what was found in it.
    state.opened = {}
    -- How far the key log was read.
    state.log, state.read = nil, 0
end
state.reset()

local function unhex(text)
    return (text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

local function key_pair(key, iv)
    if not key or not iv or #key ~= 64 or #iv ~= 24 then
        return nil
    end
    return { key = unhex(key), iv = unhex(iv) }
end

-- Takes a line of the key log; what is none is passed over.
function state.line(line)
    local words = {}
    for word in line:gmatch("%S+") do
        words[#words + 1] = word
    end
    -- The id travels with its lowest byte first.
    local id = words[2] and #words[2] == 16 and unhex(words[2]):reverse()
    if not id then
        return
    end
    if words[1] == "MU_WIRE" then
        local up, down = key_pair(words[4], words[5]), key_pair(words[6], words[7])
        if up and down and words[3] then
            local own = words[3] == "-" and "" or unhex(words[3])
            local connection = { id = id, own = own, up = { keys = { up } }, down = { keys = { down } } }
            state.by_id[id] = connection
            state.connections[#state.connections + 1] = connection
        end
    elseif words[1] == "MU_WIRE_NEXT" and state.by_id[id] then
        local side = words[3] == "server" and state.by_id[id].up or words[3] == "client" and state.by_id[id].down
        local pair, update = key_pair(words[5], words[6]), tonumber(words[4])
        if side and pair and update then
            side.keys[update + 1] = pair
        end
    end
end

-- Reads what the key log has gained.
function state.load(path)
    if path == "" then
        return
    end
    if state.log ~= path then
        state.log, state.read = path, 0
    end
    local file = io.open(path, "r")
    if not file then
        return
    end
    file:seek("set", state.read)
    for line in file:lines() do
        state.line(line)
    end
    state.read = file:seek("cur")
    file:close()
end

-- What is known of an address of clients.
local function at(client)
    local known = state.clients[client] or { ids = {}, last = {} }
    state.clients[client] = known
    return known
end

-- A client's INIT or an answer to it was seen.
function state.met(client, server, own)
    state.servers[server] = true
    at(client).ids[own] = true
end

-- The own ids of clients behind an address that a packet from a server may begin with, longest first.
function state.own_ids(client, bytes)
    local found = {}
    for own in pairs(at(client).ids) do
        if bytes:sub(2, 1 + #own) == own then
            found[#found + 1] = own
        end
    end
    table.sort(found, function(a, b) return #a > #b end)
    return found
end

local function nonce(iv, number)
    local out = {}
    for at = 12, 5, -1 do
        local low = number % 256
        number = (number - low) / 256
        out[at] = string.char(bit.bxor(iv:byte(at), low))
    end
    return iv:sub(1, 4) .. table.concat(out, "", 5, 12)
end

-- The numbers that 16 bits may stand for, the likeliest first.
local function numbers(side, low)
    local list = {}
    if side.next then
        local high = side.next - side.next % 65536
        local best = high + low
        if best > side.next + 32768 and best >= 65536 then
            best = best - 65536
        elseif best + 32768 < side.next then
            best = best + 65536
        end
        list[1] = best
    end
    for high = 0, NUMBER_HIGHS - 1 do
        list[#list + 1] = high * 65536 + low
    end
    return list
end

-- Opens a packet of one side with a header of `head` bytes, if one of its keys does.
local function open_side(side, bytes, head)
    local header, tag = bytes:sub(1, head), bytes:sub(-16)
    local ciphertext = bytes:sub(head + 1, -17)
    local low = header:byte(head - 1) + 256 * header:byte(head)
    local phase = bit.band(bit.rshift(header:byte(1), 5), 1)
    local newest = 0
    for update in pairs(side.keys) do
        newest = math.max(newest, update)
    end
    for update = newest, 1, -1 do
        local pair = side.keys[update]
        if pair and (update - 1) % 2 == phase then
            pair.ready = pair.ready or gcm.key(pair.key)
            local digest = gcm.digest(pair.ready, header, ciphertext)
            for _, number in ipairs(numbers(side, low)) do
                local full = nonce(pair.iv, number)
                if gcm.matches(pair.ready, digest, full, tag) then
                    side.next = math.max(side.next or 0, number + 1)
                    return { number = number, update = update - 1, body = gcm.open(pair.ready, full, ciphertext) }
                end
            end
        end
    end
    return nil
end

-- Opens a packet to the server.
function state.open_up(bytes)
    local connection = state.by_id[bytes:sub(2, 9)]
    return connection and open_side(connection.up, bytes, 11), connection
end

-- Opens a packet to the client at this address: by the connection that was there last, else by any whose own id fits.
function state.open_down(client, bytes)
    local known = at(client)
    local tried = 0
    local function try(connection)
        local own = connection.own
        if bytes:sub(2, 1 + #own) ~= own or #bytes < 1 + #own + 2 + 17 then
            return nil
        end
        tried = tried + 1
        local opened = open_side(connection.down, bytes, 3 + #own)
        if opened then
            known.last[own] = connection
        end
        return opened
    end
    for _, connection in pairs(known.last) do
        local opened = try(connection)
        if opened then
            return opened, connection
        end
    end
    for place = #state.connections, 1, -1 do
        local connection = state.connections[place]
        if known.last[connection.own] ~= connection and tried < TRIED then
            local opened = try(connection)
            if opened then
                return opened, connection
            end
        end
    end
    return nil
end

return state
