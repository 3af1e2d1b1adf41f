-- The kinds of fields of the generated tables: for each what Wireshark shows, and how its bytes are read.
--
-- Knows no packets and no keys. `take` reads one field at an offset, adds it to a tree and gives the offset behind it and the
-- value; bytes that are not there or not in their one form end the reading by `fields.malformed`.

local fields = {}

-- Thrown by what cannot be read; any other error is a fault of this script.
fields.malformed = setmetatable({}, { __tostring = function() return "malformed" end })

local function need(tvb, offset, length)
    if offset + length > tvb:len() then
        error(fields.malformed, 0)
    end
end

local makers = {
    u8 = function(name, title) return ProtoField.uint8(name, title) end,
    u16 = function(name, title) return ProtoField.uint16(name, title) end,
    u32 = function(name, title) return ProtoField.uint32(name, title) end,
    u64 = function(name, title) return ProtoField.uint64(name, title) end,
    u128 = function(name, title) return ProtoField.bytes(name, title) end,
    bool = function(name, title) return ProtoField.uint8(name, title, base.DEC, { [0] = "no", [1] = "yes" }) end,
    entity = function(name, title) return ProtoField.uint32(name, title, base.HEX) end,
    tick = function(name, title) return ProtoField.uint32(name, title) end,
    varint = function(name, title) return ProtoField.uint32(name, title) end,
    text = function(name, title) return ProtoField.string(name, title, base.UNICODE) end,
    address = function(name, title) return ProtoField.string(name, title) end,
    bytes = function(name, title) return ProtoField.bytes(name, title) end,
    sized = function(name, title) return ProtoField.bytes(name, title) end,
    short = function(name, title) return ProtoField.bytes(name, title) end,
    rest = function(name, title) return ProtoField.bytes(name, title) end,
    group = function(name, title) return ProtoField.none(name, title) end,
    list = function(name, title) return ProtoField.uint8(name, title) end,
}

-- Makes the Wireshark fields of a description and of all inside it, into `all`.
function fields.declare(field, name, values, all)
    local title = field.name or field.kind
    field.path = name
    if field.kind == "values" then
        local names = {}
        for _, value in ipairs(values[field.of]) do
            names[value.number] = value.name
        end
        field.made = ProtoField.uint8(name, title, base.DEC, names)
    else
        field.made = makers[field.kind](name, title)
    end
    all[#all + 1] = field.made
    if field.kind == "list" then
        fields.declare(field.of, name .. ".each", values, all)
    end
    for _, part in ipairs(field.fields or {}) do
        fields.declare(part, name .. "." .. part.name, values, all)
    end
end

-- A varint in its shortest form: its value and its length.
function fields.varint(tvb, offset)
    local value, factor = 0, 1
    for length = 1, 5 do
        need(tvb, offset, length)
        local part = tvb(offset + length - 1, 1):uint()
        value = value + part % 128 * factor
        factor = factor * 128
        if part < 128 then
            if part == 0 and length > 1 or value >= 4294967296 then
                break
            end
            return value, length
        end
    end
    error(fields.malformed, 0)
end

local fixed = { u8 = 1, u16 = 2, u32 = 4, u64 = 8, bool = 1, values = 1, entity = 4, tick = 4 }
local take

-- The offset behind a number and its value.
local function number(field, tvb, offset, tree)
    local length = fixed[field.kind]
    need(tvb, offset, length)
    local range = tvb(offset, length)
    local value = length < 8 and range:le_uint() or nil
    if field.kind == "bool" and value > 1 then
        error(fields.malformed, 0)
    end
    tree:add_le(field.made, range)
    return offset + length, value
end

local readers = {}
for kind in pairs(fixed) do
    readers[kind] = number
end

local function raw(field, tvb, offset, length, tree, head)
    need(tvb, offset, length)
    if length > 0 then
        tree:add(field.made, tvb(offset, length))
    elseif head then
        tree:add(field.made, tvb(head, 1), ""):append_text("(empty)")
    end
    return offset + length
end

function readers.u128(field, tvb, offset, tree)
    return raw(field, tvb, offset, 16, tree)
end

function readers.bytes(field, tvb, offset, tree)
    return raw(field, tvb, offset, field.len, tree)
end

function readers.rest(field, tvb, offset, tree)
    return raw(field, tvb, offset, tvb:len() - offset, tree)
end

function readers.text(field, tvb, offset, tree)
    need(tvb, offset, 1)
    local length = tvb(offset, 1):uint()
    need(tvb, offset + 1, length)
    if length > field.max then
        error(fields.malformed, 0)
    end
    local text = length > 0 and tvb(offset + 1, length):string(ENC_UTF_8) or ""
    tree:add(field.made, tvb(offset, 1 + length), text)
    return offset + 1 + length, text
end

function readers.short(field, tvb, offset, tree)
    need(tvb, offset, 1)
    local length = tvb(offset, 1):uint()
    if length > field.max then
        error(fields.malformed, 0)
    end
    return raw(field, tvb, offset + 1, length, tree, offset), length
end

function readers.varint(field, tvb, offset, tree)
    local value, length = fields.varint(tvb, offset)
    tree:add(field.made, tvb(offset, length), value)
    return offset + length, value
end

function readers.sized(field, tvb, offset, tree)
    local length, head = fields.varint(tvb, offset)
    if length > field.max or length < field.min then
        error(fields.malformed, 0)
    end
    return raw(field, tvb, offset + head, length, tree, offset), length
end

function readers.address(field, tvb, offset, tree)
    need(tvb, offset, 1)
    local family = tvb(offset, 1):uint()
    local length = family == 4 and 4 or family == 6 and 16 or error(fields.malformed, 0)
    need(tvb, offset + 1, length + 2)
    local ip = tvb(offset + 1, length)
    local text = family == 4 and tostring(ip:ipv4()) or "[" .. tostring(ip:ipv6()) .. "]"
    text = text .. ":" .. tvb(offset + 1 + length, 2):le_uint()
    tree:add(field.made, tvb(offset, length + 3), text)
    return offset + length + 3, text
end

function readers.group(field, tvb, offset, tree)
    local from = offset
    local inside = tree:add(field.made, tvb(offset))
    for _, part in ipairs(field.fields) do
        offset = take(part, tvb, offset, inside)
    end
    inside:set_len(offset - from)
    return offset
end

function readers.list(field, tvb, offset, tree)
    need(tvb, offset, 1)
    local from, count = offset, tvb(offset, 1):uint()
    if count > field.max or count < (field.min or 0) then
        error(fields.malformed, 0)
    end
    local inside = tree:add(field.made, tvb(offset, 1))
    offset = offset + 1
    for _ = 1, count do
        offset = take(field.of, tvb, offset, inside)
    end
    inside:set_len(offset - from)
    return offset, count
end

take = function(field, tvb, offset, tree)
    -- A range of nothing is nothing that Wireshark has.
    if offset >= tvb:len() and field.kind ~= "rest" then
        error(fields.malformed, 0)
    end
    return readers[field.kind](field, tvb, offset, tree)
end
fields.take = take

return fields
