-- Wireshark dissector of the client protocol (docs/protocol.md): handshake packets, data packets, and with a key log what is
-- in them, down to the fields of messages.
--
--   tshark -X lua_script:wire/dissector/mu_wire.lua -o mu_wire.keylog:FILE -r CAPTURE -O mu_wire
--
-- The tables are generated (mu_wire_tables.lua); the rest of the folder is the cipher, the kinds of fields, and what is
-- remembered of a capture.

local here = debug.getinfo(1, "S").source:match("^@(.*[/\\])") or ""
local function part(name, ...)
    return assert(loadfile(here .. name))(...)
end
local tables = part("mu_wire_tables.lua")
local fields = part("mu_wire_fields.lua")
local gcm = part("mu_wire_gcm.lua")
local state = part("mu_wire_state.lua", gcm)

local proto = Proto("mu_wire", "mu-core client protocol")
proto.prefs.keylog = Pref.string("Key log", "", "A file with the lines that clients tell when they are asked for their keys")
proto.prefs.ports = Pref.range("Server ports", "7700-7715", "UDP ports of shards; others are found by their INIT", 65535)

local all = {}
local function field(make, name, ...)
    local made = make("mu_wire." .. name, ...)
    all[#all + 1] = made
    return made
end

local kinds = { [0x91] = "INIT", [0x92] = "COOKIE", [0x93] = "ACCEPT", [0x94] = "REJECT" }
local rejects = { [1] = "full", [2] = "banned", [3] = "realm closed", [4] = "closing", [5] = "no common cipher", [6] = "place given up" }

local f = {
    kind = field(ProtoField.string, "kind", "Packet"),
    first = field(ProtoField.uint8, "first", "First byte", base.HEX),
    phase = field(ProtoField.uint8, "key_phase", "Key phase", base.DEC, nil, 0x20),
    own_id = field(ProtoField.bytes, "own_id", "Client's own id"),
    protocol = field(ProtoField.uint32, "protocol_id", "Protocol id", base.HEX),
    routing = field(ProtoField.uint64, "routing_id", "Routing id", base.HEX),
    nonce = field(ProtoField.uint64, "client_nonce", "Client nonce", base.HEX),
    epoch = field(ProtoField.uint8, "cookie_epoch", "Cookie epoch"),
    cookie = field(ProtoField.bytes, "cookie", "Cookie"),
    key_id = field(ProtoField.uint8, "key_id", "Token key id"),
    expires = field(ProtoField.uint64, "expires_s", "Token expiry (Unix s)"),
    token = field(ProtoField.bytes, "sealed_token", "Sealed token"),
    noise_e = field(ProtoField.bytes, "noise_e", "Noise e"),
    sealed = field(ProtoField.bytes, "sealed", "Sealed parameters"),
    zeros = field(ProtoField.bytes, "zeros", "Zeros"),
    time_low = field(ProtoField.uint32, "server_time_low", "Server's time, low 32 bits (µs)"),
    reject = field(ProtoField.uint16, "reject_code", "Code", base.DEC, rejects),
    detail = field(ProtoField.uint32, "reject_detail", "Detail"),
    mac = field(ProtoField.bytes, "mac", "HMAC-16"),
    connection = field(ProtoField.uint64, "connection_id", "Connection id", base.HEX),
    low = field(ProtoField.uint16, "number_low", "Number, low 16 bits"),
    number = field(ProtoField.uint64, "number", "Number"),
    update = field(ProtoField.uint32, "key_update", "Key renewals before this key"),
    ciphertext = field(ProtoField.bytes, "ciphertext", "Ciphertext"),
    tag = field(ProtoField.bytes, "tag", "Tag"),
    prelude = field(ProtoField.none, "prelude", "Prelude"),
    control = field(ProtoField.uint8, "prelude.control", "Control", base.HEX),
    acks = field(ProtoField.uint8, "prelude.acks", "Acknowledgement follows", base.DEC, nil, 0x01),
    skipped = field(ProtoField.uint8, "prelude.skipped", "The number before was left out", base.DEC, nil, 0x40),
    largest = field(ProtoField.uint16, "prelude.largest", "Largest received, low 16 bits"),
    delay = field(ProtoField.uint32, "prelude.delay_us", "Delay (µs)"),
    mask = field(ProtoField.uint8, "prelude.mask", "Mask", base.HEX),
    frame = field(ProtoField.string, "frame", "Frame"),
    lane = field(ProtoField.string, "lane", "Lane"),
    input = field(ProtoField.string, "input", "Input"),
    message = field(ProtoField.string, "message", "Message"),
}

local malformed = ProtoExpert.new("mu_wire.malformed", "Not in its one form", expert.group.MALFORMED, expert.severity.ERROR)
local no_key = ProtoExpert.new("mu_wire.closed", "No key opens it", expert.group.DECRYPTION, expert.severity.NOTE)
proto.experts = { malformed, no_key }

local function snake(name)
    return (name:gsub("(%l)(%u)", "%1_%2"):lower())
end

-- The tables by number, their fields declared.
local lanes, frames, messages = {}, {}, { client = {}, server = {} }
for _, lane in ipairs(tables.lanes) do
    lanes[lane.number] = lane
end
for _, frame in ipairs(tables.frames) do
    frames[frame.id] = frames[frame.id] or {}
    table.insert(frames[frame.id], frame)
    for _, part in ipairs(frame.fields) do
        fields.declare(part, "mu_wire." .. snake(frame.name) .. "." .. part.name, tables.values, all)
    end
end
for from, list in pairs(messages) do
    for _, message in ipairs(tables[from]) do
        list[message.number] = message
        for _, part in ipairs(message.fields) do
            fields.declare(part, "mu_wire." .. from .. "." .. snake(message.name) .. "." .. part.name, tables.values, all)
        end
    end
end
proto.fields = all

-- A message of the table.
local function dissect_message(tvb, tree, from, lane)
    local message = messages[from][tvb(0, 1):uint()]
    local inside = tree:add(f.message, tvb(), message and message.name or "unknown")
    if not message or message.lane ~= lane.number then
        error(fields.malformed, 0)
    end
    local offset = 1
    for _, part in ipairs(message.fields) do
        offset = fields.take(part, tvb, offset, inside)
    end
    if offset ~= tvb:len() then
        error(fields.malformed, 0)
    end
    return message.name
end

-- An input in words; bits are counted from the lowest of the first byte.
local function input_words(bytes)
    local at = 0
    local function take(count)
        local value = 0
        for place = 0, count - 1 do
            local index = math.floor(at / 8) + 1
            if index > #bytes then
                error(fields.malformed, 0)
            end
            value = value + bit.band(bit.rshift(bytes:byte(index), at % 8), 1) * 2 ^ place
            at = at + 1
        end
        return value
    end
    local function signed(value)
        return value >= 128 and value - 256 or value
    end
    local kind = take(2)
    if kind == 0 then
        local x, y, steps = take(16), take(16), {}
        for index = 1, take(4) + 1 do
            steps[index] = ({ [0] = "N", "NE", "E", "SE", "S", "SW", "W", "NW" })[take(3)]
        end
        return string.format("Walk from (%.2f, %.2f): %s", x / 256, y / 256, table.concat(steps, " "))
    elseif kind == 1 then
        return string.format("Turn to %d/256", take(8))
    elseif kind == 2 then
        return "Stop"
    end
    return string.format("Step (%d, %d)", signed(take(8)), signed(take(8)))
end

local function dissect_inputs(tvb, tree)
    local count, offset = tvb(4, 1):uint(), 5
    local first = tvb(0, 4):le_uint()
    for index = 0, count - 1 do
        local length = tvb(offset, 1):uint()
        local range = length > 0 and tvb(offset + 1, length) or tvb(offset, 1)
        local words = input_words(length > 0 and range:raw() or "")
        tree:add(f.input, range, words):append_text(" [" .. first + index .. "]")
        offset = offset + 1 + length
    end
end

-- The row of a frame: some ids name more than one, told apart by a tag or by the lane's mode.
local function frame_row(id, tvb, offset)
    local lane = id >= 0x20 and id < 0x40 and lanes[id % 16] or nil
    local rows = frames[lane and id - id % 16 or id]
    for _, row in ipairs(rows or {}) do
        if row.lane_modes then
            for _, mode in ipairs(row.lane_modes) do
                if lane and lane.mode == mode then
                    return row, lane
                end
            end
        elseif not row.tag or (offset < tvb:len() and tvb(offset, 1):uint() == row.tag) then
            return row
        end
    end
    return nil
end

local function dissect_frame(tvb, offset, tree, from)
    local id = tvb(offset, 1):uint()
    local row, lane = frame_row(id, tvb, offset + 1)
    local inside = tree:add(f.frame, tvb(offset), row and row.name or string.format("unknown 0x%02x", id))
    if not row then
        error(fields.malformed, 0)
    end
    local start, name, content = offset, row.name, nil
    offset = offset + (row.tag and 2 or 1)
    if lane then
        inside:add(f.lane, tvb(start, 1), lane.name)
        name = name .. " " .. lane.name
    end
    for _, part in ipairs(row.fields) do
        local behind, value = fields.take(part, tvb, offset, inside)
        if part.kind == "sized" and value > 0 then
            content = tvb(behind - value, value)
        end
        if row.name == "FRAG" and part.name == "lane" and lanes[value] then
            inside:add(f.lane, tvb(offset, 1), lanes[value].name)
        end
        offset = behind
    end
    inside:set_len(offset - start)
    if lane and content then
        name = name .. " " .. dissect_message(content:tvb(), inside, from, lane)
    elseif lane then
        error(fields.malformed, 0)
    elseif row.name == "INPUT" then
        dissect_inputs(tvb(start + 1):tvb(), inside)
    end
    return offset, name
end

local function dissect_prelude(tvb, tree)
    local control = tvb(0, 1):uint()
    local inside = tree:add(f.prelude, tvb(0))
    inside:add(f.control, tvb(0, 1))
    inside:add(f.acks, tvb(0, 1))
    inside:add(f.skipped, tvb(0, 1))
    local offset = 1
    local function byte(present)
        if present and offset >= tvb:len() then
            error(fields.malformed, 0)
        end
        offset = offset + (present and 1 or 0)
        return present and tvb(offset - 1, 1)
    end
    if bit.band(control, 0x80) ~= 0 or (bit.band(control, 1) == 0 and bit.band(control, 0x3e) ~= 0) then
        error(fields.malformed, 0)
    end
    if bit.band(control, 1) == 1 then
        if tvb:len() < 3 then
            error(fields.malformed, 0)
        end
        inside:add_le(f.largest, tvb(1, 2))
        offset = 3
        local delay = byte(bit.band(control, 2) ~= 0)
        if delay then
            inside:add(f.delay, delay, delay:uint() * 250)
        end
        for index = 0, 3 do
            local mask = byte(bit.band(control, bit.lshift(4, index)) ~= 0)
            if mask then
                inside:add(f.mask, mask):append_text(" [" .. index .. "]")
            end
        end
    end
    inside:set_len(offset)
    return offset
end

-- A decrypted body: prelude, then frames to the end. What it holds in a few words.
local function dissect_body(tvb, tree, from)
    local names = {}
    local fine, problem = pcall(function()
        local offset = dissect_prelude(tvb, tree)
        while offset < tvb:len() do
            local name
            offset, name = dissect_frame(tvb, offset, tree, from)
            names[#names + 1] = name
        end
    end)
    if not fine then
        if problem ~= fields.malformed then
            error(problem, 0)
        end
        tree:add_proto_expert_info(malformed)
        names[#names + 1] = "malformed"
    end
    return #names > 0 and table.concat(names, ", ") or "acknowledgement"
end

local function dissect_init(tvb, tree)
    tree:add_le(f.protocol, tvb(1, 4))
    tree:add_le(f.routing, tvb(5, 8))
    tree:add_le(f.nonce, tvb(13, 8))
    tree:add(f.epoch, tvb(21, 1))
    tree:add(f.cookie, tvb(22, 16))
    tree:add(f.key_id, tvb(38, 1))
    tree:add_le(f.expires, tvb(39, 8))
    tree:add(f.token, tvb(47, 392))
    tree:add(f.noise_e, tvb(439, 32))
    tree:add(f.sealed, tvb(471, 48))
    local length = tvb(519, 1):uint()
    if length > 4 then
        tree:add_proto_expert_info(malformed)
    elseif length > 0 then
        tree:add(f.own_id, tvb(520, length))
    end
    tree:add(f.zeros, tvb(524, 676))
end

-- What a server answers, each behind the client's own id: the length without it, and the parts after the nonce.
local answers = {
    [0x92] = { 30, function(tvb, tree)
        tree:add(f.epoch, tvb(0, 1))
        tree:add(f.cookie, tvb(1, 16))
        tree:add_le(f.time_low, tvb(17, 4))
    end },
    [0x93] = { 121, function(tvb, tree)
        tree:add(f.noise_e, tvb(0, 32))
        tree:add(f.sealed, tvb(32, 80))
    end },
    [0x94] = { 32, function(tvb, tree)
        tree:add_le(f.reject, tvb(0, 2))
        tree:add_le(f.detail, tvb(2, 4))
        tree:add(f.mac, tvb(7, 16))
    end },
}

local function ends(pinfo)
    return tostring(pinfo.src) .. ":" .. pinfo.src_port, tostring(pinfo.dst) .. ":" .. pinfo.dst_port
end

local function is_port(port)
    for from, to in tostring(proto.prefs.ports):gmatch("(%d+)%-?(%d*)") do
        if port >= tonumber(from) and port <= (tonumber(to) or tonumber(from)) then
            return true
        end
    end
    return false
end

-- Whether a data packet goes to the server, and what opening it gave.
local function look_into(pinfo, bytes)
    local src, dst = ends(pinfo)
    state.load(proto.prefs.keylog)
    if state.servers[dst] or (not state.servers[src] and state.by_id[bytes:sub(2, 9)]) then
        state.servers[dst] = true
        return { up = true, opened = (state.open_up(bytes)) }
    end
    local opened, connection = state.open_down(dst, bytes)
    if opened then
        state.met(dst, src, connection.own)
        return { up = false, opened = opened, own = #connection.own }
    end
    if state.servers[src] or is_port(pinfo.src_port) then
        local own = state.own_ids(dst, bytes)[1]
        return { up = false, own = own and #own or 0 }
    end
    return { up = is_port(pinfo.dst_port) }
end

local function dissect_data(tvb, pinfo, tree)
    local bytes = tvb:raw()
    local found = state.opened[pinfo.number]
    if not found or not found.opened then
        found = look_into(pinfo, bytes)
        state.opened[pinfo.number] = found
    end
    tree:add(f.phase, tvb(0, 1))
    local head = found.up and 11 or 3 + (found.own or 0)
    if tvb:len() < head + 17 then
        tree:add_proto_expert_info(malformed)
        return found.up and "short to server" or "short to client"
    end
    if found.up then
        tree:add_le(f.connection, tvb(1, 8))
    elseif head > 3 then
        tree:add(f.own_id, tvb(1, head - 3))
    end
    tree:add_le(f.low, tvb(head - 2, 2))
    tree:add(f.ciphertext, tvb(head, tvb:len() - head - 16))
    tree:add(f.tag, tvb(tvb:len() - 16, 16))
    local direction = found.up and "to server" or "to client"
    local opened = found.opened
    if not opened then
        tree:add_proto_expert_info(no_key)
        return "data " .. direction
    end
    tree:add(f.number, tvb(head - 2, 2), UInt64(opened.number % 4294967296, math.floor(opened.number / 4294967296)))
    tree:add(f.update, tvb(0, 1), opened.update)
    local body = ByteArray.new(opened.body, true):tvb("Decrypted")
    return "data " .. direction .. " #" .. opened.number .. ": " .. dissect_body(body, tree, found.up and "client" or "server")
end

local function is_ours(tvb)
    local length = tvb:len()
    if length < 20 then
        return nil
    end
    local first = tvb(0, 1):uint()
    if first == 0x91 then
        return length == 1200 and "INIT" or nil
    elseif answers[first] then
        local own = length - answers[first][1]
        return own >= 0 and own <= 4 and kinds[first] or nil
    end
    return bit.band(first, 0xdf) == 0x40 and "data" or nil
end

function proto.dissector(tvb, pinfo, root)
    local kind = is_ours(tvb)
    if not kind then
        return 0
    end
    pinfo.cols.protocol = "MU-WIRE"
    local tree = root:add(proto, tvb())
    local first, said = tvb(0, 1):uint(), kind
    tree:add(f.first, tvb(0, 1))
    local src, dst = ends(pinfo)
    if kind == "INIT" then
        local own = tvb(519, 1):uint()
        if own <= 4 then
            state.met(src, dst, own > 0 and tvb(520, own):raw() or "")
        end
        dissect_init(tvb, tree)
    elseif kind == "data" then
        said = dissect_data(tvb, pinfo, tree)
    else
        local own = tvb:len() - answers[first][1]
        state.met(dst, src, own > 0 and tvb(1, own):raw() or "")
        if own > 0 then
            tree:add(f.own_id, tvb(1, own))
        end
        tree:add_le(f.nonce, tvb(1 + own, 8))
        answers[first][2](tvb(9 + own):tvb(), tree)
    end
    tree:add(f.kind, tvb(0, 1), kind)
    tree:append_text(", " .. said)
    pinfo.cols.info = said
    return tvb:len()
end

-- Other ports: an INIT, an answer to one, and everything between ends that are known or that the key log knows.
local function heuristic(tvb, pinfo, root)
    local kind = is_ours(tvb)
    if not kind then
        return false
    end
    local src, dst = ends(pinfo)
    if kind == "data" and not (state.servers[src] or state.servers[dst]) then
        state.load(proto.prefs.keylog)
        if not state.by_id[tvb(1, 8):raw()] then
            return false
        end
    elseif kind ~= "INIT" and kind ~= "data" and not state.servers[src] then
        return false
    elseif kind == "INIT" and tvb(1, 4):le_uint() ~= tables.protocol_id then
        return false
    end
    proto.dissector(tvb, pinfo, root)
    return true
end

function proto.init()
    state.reset()
end

local bound = nil
local function bind()
    local udp = DissectorTable.get("udp.port")
    if bound ~= tostring(proto.prefs.ports) then
        if bound then
            udp:remove(bound, proto)
        end
        bound = tostring(proto.prefs.ports)
        udp:add(bound, proto)
    end
end
proto.prefs_changed = bind
bind()
proto:register_heuristic("udp", heuristic)
