-- What may not reach Triton by gRPC: requests that end Triton 2.51, and what cannot be looked into.
-- A ModelInferRequest is walked as protobuf reads it, from tag to tag; a photo's own bytes are stepped over, not read.

local MOST_FIELDS = 256
local LONGEST_TEXT_BYTES = 4096
local WINDOW_BYTES = 1024
local LONGEST_NAME_BYTES = 80
-- Numbers of fields: the model's name (its version is 2), the request's id, parameters, inputs, what is wanted of the answer, the last.
local MODEL, ID, PARAMETERS, INPUTS, OUTPUTS, LAST_FIELD = 1, 3, 4, 5, 6, 7
local LAST_FIELD_OF_TENSOR, MOST_FIELDS_OF_TENSOR = 5, 16
local LAST_NAME = 3 -- of an input or an output: its name, its data type, its shape; then what may be long
local STRING_OR_MESSAGE = 2 -- all fields are of this wire type
local FRAME_HEAD_BYTES, FIELD_HEAD_BYTES = 5, 6 -- a flag and a length; a tag and a length

local INVALID_ARGUMENT, UNIMPLEMENTED, INTERNAL = "3", "12", "13"
local ODD = "the request is not as protobuf writes it: send a ModelInferRequest of KServe's protocol, by a client library"

local function refuse(handle, status, message)
  handle:respond({[":status"] = "400", ["grpc-status"] = status}, message)
end

-- The global MODELS, where it is set in front of this code, has the names of those that may be asked.

-- The length that stands at `at` of `bytes`, and where what it measures begins. Protobuf reads five bytes at most, and
-- takes more of them than are needed.
local function length_at(bytes, at)
  local length, factor = 0, 1
  for number = at, at + 4 do
    local byte = bytes:byte(number)
    if not byte then return nil end
    length = length + byte % 128 * factor
    if byte < 128 then return length, number + 1 end
    factor = factor * 128
  end
  return nil
end

-- Why an input or an output may not pass: Triton says its name, data type and shape again, however long they are.
local function fault_of_tensor(body, at, stop)
  local fields, seen = 0, {}
  while at < stop do
    fields = fields + 1
    local bytes = body:getBytes(at, math.min(stop - at, FIELD_HEAD_BYTES))
    local tag = bytes:byte(1)
    local field = (tag - STRING_OR_MESSAGE) / 8
    local length, start = length_at(bytes, 2)
    if tag % 8 ~= STRING_OR_MESSAGE or field < 1 or field > LAST_FIELD_OF_TENSOR or not length then return ODD end
    if fields > MOST_FIELDS_OF_TENSOR then return "an input or output has more than " .. MOST_FIELDS_OF_TENSOR .. " fields: send fewer" end
    if field <= LAST_NAME and (seen[field] and field ~= 2 or length > LONGEST_NAME_BYTES) then
      return "an input's or output's name, data type or shape has more than " .. LONGEST_NAME_BYTES .. " bytes: see docs/reference/contract.md"
    end
    seen[field] = true
    at = at + start - 1 + length
  end
  return at > stop and ODD or nil
end

-- Why a body may not pass; nil: it may.
local function fault_of(body)
  local size = body:length()
  if size < FRAME_HEAD_BYTES then return ODD end
  -- All but the photo mostly lies in the first bytes, so that it is got at once: `bytes` are those behind `before`.
  local before, bytes = 0, body:getBytes(0, math.min(size, WINDOW_BYTES))
  local flag, a, b, c, d = bytes:byte(1, FRAME_HEAD_BYTES)
  if flag ~= 0 or ((a * 256 + b) * 256 + c) * 256 + d ~= size - FRAME_HEAD_BYTES then return ODD end
  local at, fields = FRAME_HEAD_BYTES, 0
  while at < size do
    fields = fields + 1
    if fields > MOST_FIELDS then
      return "the request has more than " .. MOST_FIELDS .. " inputs, outputs and parameters: send fewer"
    end
    if at - before + FIELD_HEAD_BYTES > #bytes and before + #bytes < size then
      before, bytes = at, body:getBytes(at, math.min(size - at, WINDOW_BYTES))
    end
    local tag = bytes:byte(at - before + 1)
    local field = (tag - STRING_OR_MESSAGE) / 8
    local length, start = length_at(bytes, at - before + 2)
    if tag % 8 ~= STRING_OR_MESSAGE or field < 1 or field > LAST_FIELD or not length then return ODD end
    start = start + before - 1
    at = start + length
    if at > size then return ODD end
    if field <= ID and length > LONGEST_NAME_BYTES then
      return "the model's name, its version or the request's id has more than " .. LONGEST_NAME_BYTES .. " bytes: send a shorter one"
    end
    if (field == OUTPUTS or field == PARAMETERS) and length > LONGEST_TEXT_BYTES then
      return "a parameter or an output has more than " .. LONGEST_TEXT_BYTES .. " bytes: leave the parameter out, send the output's name"
    end
    if field == INPUTS or field == OUTPUTS then
      local fault = fault_of_tensor(body, start, at)
      if fault then return fault end
    end
    if field == MODEL and MODELS and not MODELS[length == 0 and "" or body:getBytes(start, length)] then
      return "this model is closed to callers of the gateway: ask vqa, vqa_choose, image_embedding or photo_reading"
    end
    -- Wherever it stands in there, and however its length is written, a key's bytes are in one piece.
    if field == OUTPUTS and length > 0 and body:getBytes(start, length):find("classification", 1, true) then
      return "the classification extension is not served: ask for an output without class_count"
    end
    -- A text in the place of a sequence's number is taken for an address, by every Triton up to now.
    if field == PARAMETERS and length > 0 and body:getBytes(start, length):find("sequence_", 1, true) then
      return "sequences are not served: leave sequence_id, sequence_start and sequence_end out"
    end
  end
  return nil
end

local function look_at(handle)
  local headers = handle:headers()
  for _, name in ipairs({"grpc-encoding", "content-encoding"}) do
    local encoding = headers:get(name)
    if encoding and encoding ~= "identity" then
      return refuse(handle, UNIMPLEMENTED, "compressed requests are not taken: send it as it is, for photos are compressed already")
    end
  end
  local body = handle:body()
  local fault = body and fault_of(body) or (not body and ODD)
  if fault then return refuse(handle, INVALID_ARGUMENT, fault) end
end

function envoy_on_request(handle)
  if not pcall(look_at, handle) then refuse(handle, INTERNAL, "the request could not be looked at") end -- of itself Envoy lets pass what a script fails at
end

-- Triton names its shared memory to callers when that runs out (CVE-2025-23320). Errors come in headers, not trailers.
function envoy_on_response(handle)
  local message = handle:headers():get("grpc-message")
  if message and message:find("shared%%?2?0? ?memory") then
    handle:headers():replace("grpc-message", "the server has run out of shared memory: its operator has to give it more")
  end
end
