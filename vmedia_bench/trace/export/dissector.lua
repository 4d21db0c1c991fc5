local media = Proto("vmedia", "virtio-media (vmedia-bench trace)")
local WHAT = {[0]="request", [1]="response", [2]="event", [3]="fault", [4]="note"}
local REQUEST, RESPONSE, EVENT, FAULT = 0, 1, 2, 3
local CMD_OPEN, CMD_CLOSE, CMD_IOCTL, CMD_MMAP, CMD_MUNMAP = 1, 2, 3, 4, 5
local EVT_ERROR, EVT_DQBUF, EVT_EVENT = 0, 1, 2
local MMAP, USERPTR, DMABUF = 1, 2, 4
local MOST_PLANES = 8
local COMMANDS = {
  [CMD_OPEN]="virtio_media_cmd_open", [CMD_CLOSE]="virtio_media_cmd_close",
  [CMD_IOCTL]="virtio_media_cmd_ioctl", [CMD_MMAP]="virtio_media_cmd_mmap",
  [CMD_MUNMAP]="virtio_media_cmd_munmap",
}
local RESPONSES = {
  [CMD_OPEN]="virtio_media_resp_open", [CMD_IOCTL]="virtio_media_resp_ioctl",
  [CMD_MMAP]="virtio_media_resp_mmap", [CMD_MUNMAP]="virtio_media_resp_munmap",
}

local record = {
  what = ProtoField.uint8("vmedia.what", "What", base.DEC, WHAT),
  head = ProtoField.uint16("vmedia.head", "Head descriptor"),
  seq = ProtoField.uint64("vmedia.seq", "Record"),
  started = ProtoField.uint64("vmedia.started", "Popped (CLOCK_MONOTONIC, ns)"),
  ended = ProtoField.uint64("vmedia.ended", "Given back (CLOCK_MONOTONIC, ns)"),
  latency = ProtoField.uint64("vmedia.latency", "Latency (ns)"),
  session = ProtoField.uint32("vmedia.session", "Session"),
  rule = ProtoField.uint32("vmedia.rule", "Fault rule"),
  used = ProtoField.uint32("vmedia.used", "Used length"),
  readable = ProtoField.uint32("vmedia.readable", "Readable descriptor"),
  writable = ProtoField.uint32("vmedia.writable", "Writable descriptor"),
  name = ProtoField.string("vmedia.name", "Name"),
  command = ProtoField.string("vmedia.command", "Command"),
  ioctl = ProtoField.string("vmedia.ioctl", "Ioctl"),
  event = ProtoField.string("vmedia.event", "Event"),
  status = ProtoField.uint32("vmedia.status", "Status", base.DEC, NAMES["errno"]),
  note = ProtoField.string("vmedia.note", "Text"),
  rest = ProtoField.bytes("vmedia.rest", "Bytes left over"),
}
local short = ProtoExpert.new("vmedia.short", "Bytes are missing", expert.group.MALFORMED, expert.severity.WARN)

-- One ProtoField for each field of each structure.
local MAKERS = {
  u8=ProtoField.uint8, u16=ProtoField.uint16, u32=ProtoField.uint32, u64=ProtoField.uint64,
  s32=ProtoField.int32, s64=ProtoField.int64,
}
local all_fields = {}
for _, field in pairs(record) do all_fields[#all_fields + 1] = field end

local function declare(owner, field)
  local name, kind = field[1], field[4]
  local abbreviation = "vmedia." .. owner .. (name == "" and "" or "." .. name)
  if kind == "struct" then
    return
  elseif kind == "array" then
    field.element[1] = name
    declare(owner, field.element)
    return
  elseif kind == "union" then
    for _, case in pairs(field.cases) do declare(owner, case) end
    declare(owner, field.other)
    return
  elseif kind == "text" then
    field.proto = ProtoField.string(abbreviation, name)
  elseif kind == "bytes" or kind == "reserved" then
    field.proto = ProtoField.bytes(abbreviation, name)
  else
    local hexadecimal = field.bits or field.spelled
    field.proto = MAKERS[kind](abbreviation, name, hexadecimal and base.HEX or base.DEC)
  end
  all_fields[#all_fields + 1] = field.proto
end
for owner, struct in pairs(STRUCTS) do
  for _, field in ipairs(struct) do declare(owner, field) end
end
media.fields = all_fields
media.experts = {short}

-- Values as vmedia-bench spells them.
local function has(value, mask)
  return math.floor(value / mask) % 2 == 1
end

local function spell_bits(bits, low, high)
  local found = {}
  for _, bit in ipairs(bits) do
    if bit[1] ~= 0 and has(low, bit[1]) then
      found[#found + 1] = bit[3]
      low = low - bit[1]
    elseif bit[2] ~= 0 and has(high, bit[2]) then
      found[#found + 1] = bit[3]
      high = high - bit[2]
    end
  end
  if high ~= 0 then
    found[#found + 1] = string.format("0x%x%08x", high, low)
  elseif low ~= 0 then
    found[#found + 1] = string.format("0x%x", low)
  end
  return #found == 0 and "0" or table.concat(found, "|")
end

local function spell_fourcc(range)
  local text, big_endian = "", range(3, 1):uint() >= 128
  for place = 0, 3 do
    local byte = range(place, 1):uint()
    if place == 3 and big_endian then byte = byte - 128 end
    if byte < 32 or byte > 126 then return string.format("0x%08x", range:le_uint()) end
    text = text .. string.char(byte)
  end
  return text .. (big_endian and "-BE" or "")
end

local function spell_control(value)
  if value == 0 then return "0" end
  local parts = {}
  if has(value, 0x80000000) then
    parts[#parts + 1] = "NEXT_CTRL"
    value = value - 0x80000000
  end
  if has(value, 0x40000000) then
    parts[#parts + 1] = "NEXT_COMPOUND"
    value = value - 0x40000000
  end
  if value ~= 0 then parts[#parts + 1] = NAMES["Cid"][value] or string.format("0x%08x", value) end
  return table.concat(parts, "|")
end

local function spell(field, range)
  local kind = field[4]
  if kind == "u64" or kind == "s64" then
    if field.bits then
      local value = range:le_uint64()
      return spell_bits(BITS[field.bits], value:lower(), value:higher())
    elseif field.spelled == "hex" then
      local value = range:le_uint64()
      local high, low = value:higher(), value:lower()
      return high ~= 0 and string.format("0x%x%08x", high, low) or string.format("0x%x", low)
    end
    return tostring(kind == "u64" and range:le_uint64() or range:le_int64())
  end
  local value = kind == "s32" and range:le_int() or range:le_uint()
  if field.names then return NAMES[field.names][value] or string.format("%d", value) end
  if field.bits then return spell_bits(BITS[field.bits], value, 0) end
  if field.spelled == "fourcc" then return spell_fourcc(range) end
  if field.spelled == "control" then return spell_control(value) end
  return string.format("%d", value)
end

-- Without the NULs at its end, and with everything escaped that is not printable ASCII.
local function spell_text(range)
  local bytes, parts = range:bytes(), {}
  local last = bytes:len() - 1
  while last >= 0 and bytes:get_index(last) == 0 do last = last - 1 end
  for place = 0, last do
    local byte = bytes:get_index(place)
    if byte == 92 then
      parts[#parts + 1] = "\\\\"
    elseif byte < 32 or byte > 126 then
      parts[#parts + 1] = string.format("\\x%02x", byte)
    else
      parts[#parts + 1] = string.char(byte)
    end
  end
  return table.concat(parts)
end

local function is_zero(range)
  local bytes = range:bytes()
  for place = 0, bytes:len() - 1 do
    if bytes:get_index(place) ~= 0 then return false end
  end
  return true
end

local function number_of(struct, name, buffer, at)
  for _, field in ipairs(struct) do
    if field[1] == name then return buffer(at + field[2], field[3]):le_uint() end
  end
end

local function multiplanar(kind)
  return kind == 9 or kind == 10
end

local function chosen(struct, field, buffer, at, memory)
  if field.by then return field.cases[number_of(struct, field.by, buffer, at)] or field.other end
  if field.select == "buffer" then
    local kind = number_of(struct, "type", buffer, at)
    return field.cases[multiplanar(kind) and -1 or number_of(struct, "memory", buffer, at)] or field.other
  elseif field.select == "plane" then
    return field.cases[memory] or field.other
  end
  return number_of(struct, "size", buffer, at) ~= 0 and field.cases[1] or field.other
end

local take_struct

local function take_field(field, buffer, at, tree, memory, label)
  local kind, size = field[4], field[3]
  if kind == "struct" then
    local inner = label == "" and tree or tree:add(media, buffer(at, size), label)
    take_struct(STRUCTS[field.of], buffer, at, inner, memory)
  elseif kind == "array" then
    local step = field.element[3]
    local count = field.count
    while count > 0 and is_zero(buffer(at + (count - 1) * step, step)) do count = count - 1 end
    for place = 0, count - 1 do
      take_field(field.element, buffer, at + place * step, tree, memory, label .. "[" .. place .. "]")
    end
  elseif kind == "text" then
    local text = spell_text(buffer(at, size))
    tree:add(field.proto, buffer(at, size), text):set_text(label .. ": " .. text)
  elseif kind == "bytes" or kind == "reserved" then
    if kind == "bytes" or not is_zero(buffer(at, size)) then
      tree:add(field.proto, buffer(at, size))
    end
  else
    local range = buffer(at, size)
    tree:add_le(field.proto, range):set_text(label .. ": " .. spell(field, range))
  end
end

-- Every field of a structure that is all there.
take_struct = function(struct, buffer, at, tree, memory)
  local control = struct == STRUCTS["v4l2_ext_control"]
  for _, field in ipairs(struct) do
    if field[4] == "union" then
      local case = chosen(struct, field, buffer, at, memory)
      local label = field[1] == "" and case[1] or field[1] .. "." .. case[1]
      take_field(case, buffer, at + field[2], tree, memory, label)
    elseif not (control and field.second and number_of(struct, "size", buffer, at) ~= 0) then
      take_field(field, buffer, at + field[2], tree, memory, field[1])
    end
  end
end

-- A cursor over one packet's bytes.
local function take(cursor, name, label, memory)
  local struct, buffer = STRUCTS[name], cursor.buffer
  local left = buffer:len() - cursor.at
  if left < struct.size then
    if left > 0 then cursor.tree:add(record.rest, buffer(cursor.at, left)) end
    cursor.tree:add_proto_expert_info(short, string.format("%s has %d bytes, %d are here", name, struct.size, left))
    cursor.at = buffer:len()
    return false
  end
  local tree = cursor.tree
  if label then tree = tree:add(media, buffer(cursor.at, struct.size), label) end
  take_struct(struct, buffer, cursor.at, tree, memory)
  cursor.at = cursor.at + struct.size
  return true
end

local function left(cursor)
  return cursor.buffer:len() - cursor.at
end

local function word(cursor, at)
  return at + 4 <= cursor.buffer:len() and cursor.buffer(at, 4):le_uint() or 0
end

local function take_planes(cursor, start)
  local kind, memory, length = word(cursor, start + 4), word(cursor, start + 60), word(cursor, start + 72)
  if not multiplanar(kind) then
    return memory == USERPTR and length > 0 and {length} or {}
  end
  local lengths = {}
  for place = 0, math.min(length, MOST_PLANES) - 1 do
    local bytes = word(cursor, cursor.at + 4)
    if left(cursor) == 0 or not take(cursor, "v4l2_plane", "planes[" .. place .. "]", memory) then break end
    if memory == USERPTR and bytes > 0 then lengths[#lengths + 1] = bytes end
  end
  return lengths
end

local function take_controls(cursor, start)
  local sizes = {}
  for place = 0, word(cursor, start + 4) - 1 do
    local bytes = word(cursor, cursor.at + 4)
    if left(cursor) == 0 or not take(cursor, "v4l2_ext_control", "controls[" .. place .. "]") then break end
    if bytes > 0 then sizes[#sizes + 1] = bytes end
  end
  return sizes
end

local function take_payload(cursor, ioctl, with_lists)
  local start = cursor.at
  if not take(cursor, ioctl.payload, ioctl.nested) then return end
  local lengths = {}
  if ioctl.shape == "buffer" then
    lengths = take_planes(cursor, start)
  elseif ioctl.shape == "ext_controls" then
    lengths = take_controls(cursor, start)
  end
  if not with_lists then return end
  for place, length in ipairs(lengths) do
    local covered, number = 0, 0
    while covered < length and left(cursor) > 0 do
      covered = covered + word(cursor, cursor.at + 8)
      if not take(cursor, "virtio_media_sg_entry", "sg[" .. (place - 1) .. "][" .. number .. "]") then return end
      number = number + 1
    end
  end
end

local function driver_writes(way) return way == 1 or way == 3 end
local function device_writes(way) return way == 2 or way == 3 end

local function take_request(cursor, command, ioctl)
  take(cursor, COMMANDS[command] or "virtio_media_cmd_header")
  if command == CMD_IOCTL and ioctl and driver_writes(ioctl.way) and left(cursor) > 0 then
    take_payload(cursor, ioctl, true)
  end
end

local function take_response(cursor, command, ioctl)
  local failed = word(cursor, 0) ~= 0
  local layout = RESPONSES[command] or "virtio_media_resp_header"
  if failed and cursor.buffer:len() <= 8 then layout = "virtio_media_resp_header" end
  take(cursor, layout)
  local answers = command == CMD_IOCTL and ioctl and device_writes(ioctl.way)
  if answers and (left(cursor) > 0 or not failed) then take_payload(cursor, ioctl, false) end
end

local function take_event(cursor)
  local kind = word(cursor, 0)
  if kind == EVT_ERROR then
    take(cursor, "virtio_media_event_error")
    return
  end
  take(cursor, "virtio_media_event_header")
  if kind == EVT_DQBUF then
    local start = cursor.at
    if take(cursor, "v4l2_buffer", "buffer") then take_planes(cursor, start) end
    if left(cursor) > 0 and is_zero(cursor.buffer(cursor.at)) then cursor.at = cursor.buffer:len() end
  elseif kind == EVT_EVENT then
    take(cursor, "v4l2_event", "v4l2_event")
  end
end

local function describe(what, buffer, body, tree)
  local command, code = buffer(4, 4):le_uint(), buffer(32, 4):le_uint()
  local ioctl = command == CMD_IOCTL and IOCTLS[code] or nil
  local name
  if what == EVENT then
    local number = body:len() >= 4 and body(0, 4):le_uint() or -1
    name = NAMES["event"][number] or "event " .. number
    tree:add(record.event, name)
  elseif what == REQUEST or what == RESPONSE then
    name = NAMES["command"][command] or "command " .. command
    tree:add(record.command, name)
    if command == CMD_IOCTL then
      name = ioctl and ioctl.name or "ioctl " .. code
      tree:add(record.ioctl, name)
    end
  else
    name = what == FAULT and "FAULT" or "NOTE"
  end
  tree:add(record.name, name)
  return name, command, ioctl
end

local function take_header(buffer, tree)
  tree:add_le(record.what, buffer(1, 1))
  tree:add_le(record.head, buffer(2, 2))
  tree:add_le(record.seq, buffer(8, 8))
  tree:add_le(record.started, buffer(16, 8))
  tree:add_le(record.ended, buffer(24, 8))
  tree:add(record.latency, buffer(24, 8):le_uint64() - buffer(16, 8):le_uint64())
  tree:add_le(record.session, buffer(36, 4))
  tree:add_le(record.rule, buffer(40, 4))
  tree:add_le(record.used, buffer(44, 4))
  local readable, writable = buffer(48, 2):le_uint(), buffer(50, 2):le_uint()
  for place = 0, readable + writable - 1 do
    local field = place < readable and record.readable or record.writable
    tree:add_le(field, buffer(HEADER_SIZE + 4 * place, 4))
  end
  return HEADER_SIZE + 4 * (readable + writable)
end

function media.dissector(buffer, pinfo, tree)
  if buffer:len() < HEADER_SIZE or buffer(0, 1):uint() ~= HEADER_VERSION then return 0 end
  pinfo.cols.protocol = "virtio-media"
  local what = buffer(1, 1):uint()
  local top = tree:add(media, buffer())
  local header = top:add(media, buffer(0, HEADER_SIZE), "record")
  local size = take_header(buffer, header)
  local body = buffer(size):tvb()
  local name, command, ioctl = describe(what, buffer, body, top)
  local info = name
  local session = buffer(36, 4):le_uint()
  if session ~= 0 then info = info .. " session " .. session end
  if what == REQUEST then
    take_request({buffer=body, at=0, tree=top}, command, ioctl)
  elseif what == RESPONSE then
    if body:len() >= 4 then
      top:add_le(record.status, body(0, 4))
      local status = body(0, 4):le_uint()
      info = info .. " -> " .. (NAMES["errno"][status] or string.format("%d", status))
    end
    take_response({buffer=body, at=0, tree=top}, command, ioctl)
  elseif what == EVENT then
    take_event({buffer=body, at=0, tree=top})
  else
    local text = body:range():string(ENC_UTF_8)
    top:add(record.note, body:range(), text)
    info = info .. " " .. text
  end
  pinfo.cols.info = info
  return buffer:len()
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, media)
