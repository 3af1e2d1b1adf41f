-- AES-256-GCM in plain Lua: Wireshark 4.0 offers scripts no cipher. Opens packets; seals nothing.
--
-- Knows no packets. Words are 32 bits as Wireshark's `bit` library has them, blocks are strings of 16 bytes. About 200 full
-- datagrams a second.

local band, bor, bxor = bit.band, bit.bor, bit.bxor
local lshift, rshift = bit.lshift, bit.rshift
local byte, char, rep, sub = string.byte, string.char, string.rep, string.sub

local gcm = {}

-- The S-box, and for each byte of a column what it adds to the four bytes of the next round's column.
local sbox, T0, T1, T2, T3 = {}, {}, {}, {}, {}

local function times2(value)
    return band(bxor(lshift(value, 1), value >= 128 and 0x1b or 0), 0xff)
end

local function make_tables()
    -- Powers of 3 run through the field; the inverse of 3^i is 3^(255 - i).
    local power, log, value = {}, {}, 1
    for i = 0, 254 do
        power[i], log[value] = value, i
        value = bxor(value, times2(value))
    end
    for i = 0, 255 do
        local inverse = i == 0 and 0 or power[(255 - log[i]) % 255]
        local s, turned = inverse, inverse
        for _ = 1, 4 do
            turned = band(bor(lshift(turned, 1), rshift(turned, 7)), 0xff)
            s = bxor(s, turned)
        end
        s = bxor(s, 0x63)
        local s2 = times2(s)
        local s3 = bxor(s2, s)
        sbox[i] = s
        T0[i] = bor(lshift(s2, 24), lshift(s, 16), lshift(s, 8), s3)
        T1[i] = bor(lshift(s3, 24), lshift(s2, 16), lshift(s, 8), s)
        T2[i] = bor(lshift(s, 24), lshift(s3, 16), lshift(s2, 8), s)
        T3[i] = bor(lshift(s, 24), lshift(s, 16), lshift(s3, 8), s2)
    end
end
make_tables()

local function word(text, at)
    local a, b, c, d = byte(text, at, at + 3)
    return bor(lshift(a, 24), lshift(b, 16), lshift(c, 8), d)
end

local function bytes_of(value)
    return char(band(rshift(value, 24), 255), band(rshift(value, 16), 255), band(rshift(value, 8), 255), band(value, 255))
end

local function sub_word(value)
    return bor(
        lshift(sbox[band(rshift(value, 24), 255)], 24),
        lshift(sbox[band(rshift(value, 16), 255)], 16),
        lshift(sbox[band(rshift(value, 8), 255)], 8),
        sbox[band(value, 255)])
end

-- The 60 round words of a key of 32 bytes.
local function expand(key)
    local w = {}
    for i = 0, 7 do
        w[i] = word(key, 4 * i + 1)
    end
    local constant = 1
    for i = 8, 59 do
        local value = w[i - 1]
        if i % 8 == 0 then
            value = bor(lshift(value, 8), rshift(value, 24))
            value = bxor(sub_word(value), lshift(constant, 24))
            constant = times2(constant)
        elseif i % 8 == 4 then
            value = sub_word(value)
        end
        w[i] = bxor(w[i - 8], value)
    end
    return w
end

-- One block, as four words.
local function encrypt(w, a, b, c, d)
    a, b, c, d = bxor(a, w[0]), bxor(b, w[1]), bxor(c, w[2]), bxor(d, w[3])
    for at = 4, 52, 4 do
        local e = bxor(T0[band(rshift(a, 24), 255)], T1[band(rshift(b, 16), 255)], T2[band(rshift(c, 8), 255)], T3[band(d, 255)], w[at])
        local f = bxor(T0[band(rshift(b, 24), 255)], T1[band(rshift(c, 16), 255)], T2[band(rshift(d, 8), 255)], T3[band(a, 255)], w[at + 1])
        local g = bxor(T0[band(rshift(c, 24), 255)], T1[band(rshift(d, 16), 255)], T2[band(rshift(a, 8), 255)], T3[band(b, 255)], w[at + 2])
        local h = bxor(T0[band(rshift(d, 24), 255)], T1[band(rshift(a, 16), 255)], T2[band(rshift(b, 8), 255)], T3[band(c, 255)], w[at + 3])
        a, b, c, d = e, f, g, h
    end
    local function last(p, q, r, s, key)
        return bxor(bor(
            lshift(sbox[band(rshift(p, 24), 255)], 24),
            lshift(sbox[band(rshift(q, 16), 255)], 16),
            lshift(sbox[band(rshift(r, 8), 255)], 8),
            sbox[band(s, 255)]), key)
    end
    return last(a, b, c, d, w[56]), last(b, c, d, a, w[57]), last(c, d, a, b, w[58]), last(d, a, b, c, w[59])
end

-- What four bits that fall out at the end bring back at the beginning.
local reduce = {}
for i = 0, 15 do
    local value = 0
    for place = 0, 3 do
        if band(i, lshift(1, place)) ~= 0 then
            value = bxor(value, rshift(0xe1000000, 3 - place))
        end
    end
    reduce[i] = value
end

-- Multiples of H by every polynomial of four bits.
local function multiples(a, b, c, d)
    local m = { [0] = { 0, 0, 0, 0 }, [8] = { a, b, c, d } }
    for _, half in ipairs({ 4, 2, 1 }) do
        local carry = band(d, 1)
        d = bor(rshift(d, 1), lshift(c, 31))
        c = bor(rshift(c, 1), lshift(b, 31))
        b = bor(rshift(b, 1), lshift(a, 31))
        a = rshift(a, 1)
        if carry == 1 then
            a = bxor(a, 0xe1000000)
        end
        m[half] = { a, b, c, d }
    end
    for i = 1, 15 do
        if not m[i] then
            local high = i >= 8 and 8 or i >= 4 and 4 or 2
            local x, y = m[high], m[i - high]
            m[i] = { bxor(x[1], y[1]), bxor(x[2], y[2]), bxor(x[3], y[3]), bxor(x[4], y[4]) }
        end
    end
    return m
end

-- GHASH of blocks given as a string whose length is a multiple of 16.
local function ghash(m, text)
    local a, b, c, d = 0, 0, 0, 0
    for at = 1, #text, 16 do
        local x = { bxor(d, word(text, at + 12)), bxor(c, word(text, at + 8)), bxor(b, word(text, at + 4)), bxor(a, word(text, at)) }
        a, b, c, d = 0, 0, 0, 0
        for i = 1, 4 do
            for shift = 0, 28, 4 do
                local out = band(d, 15)
                d = bor(rshift(d, 4), lshift(c, 28))
                c = bor(rshift(c, 4), lshift(b, 28))
                b = bor(rshift(b, 4), lshift(a, 28))
                local add = m[band(rshift(x[i], shift), 15)]
                a = bxor(rshift(a, 4), reduce[out], add[1])
                b, c, d = bxor(b, add[2]), bxor(c, add[3]), bxor(d, add[4])
            end
        end
    end
    return a, b, c, d
end

local function padded(text)
    return text .. rep("\0", -#text % 16)
end

-- A key of 32 bytes, ready for use.
function gcm.key(key)
    local w = expand(key)
    return { words = w, multiples = multiples(encrypt(w, 0, 0, 0, 0)) }
end

-- What of the tag does not depend on the nonce, for `matches`.
function gcm.digest(key, header, ciphertext)
    local lengths = bytes_of(0) .. bytes_of(8 * #header) .. bytes_of(0) .. bytes_of(8 * #ciphertext)
    return { ghash(key.multiples, padded(header) .. padded(ciphertext) .. lengths) }
end

-- Whether the tag of 16 bytes is right for a digest and a nonce of 12 bytes.
function gcm.matches(key, digest, nonce, tag)
    local a, b, c, d = encrypt(key.words, word(nonce, 1), word(nonce, 5), word(nonce, 9), 1)
    return bytes_of(bxor(a, digest[1])) .. bytes_of(bxor(b, digest[2])) .. bytes_of(bxor(c, digest[3]))
        .. bytes_of(bxor(d, digest[4])) == tag
end

-- The plaintext.
function gcm.open(key, nonce, ciphertext)
    local n1, n2, n3 = word(nonce, 1), word(nonce, 5), word(nonce, 9)
    local out, text = {}, padded(ciphertext)
    for at = 1, #text, 16 do
        local a, b, c, d = encrypt(key.words, n1, n2, n3, 2 + (at - 1) / 16)
        out[#out + 1] = bytes_of(bxor(a, word(text, at))) .. bytes_of(bxor(b, word(text, at + 4)))
            .. bytes_of(bxor(c, word(text, at + 8))) .. bytes_of(bxor(d, word(text, at + 12)))
    end
    return sub(table.concat(out), 1, #ciphertext)
end

return gcm
