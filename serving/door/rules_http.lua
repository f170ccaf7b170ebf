-- What may not reach Triton by HTTP: requests that end Triton 2.51, and what cannot be looked into.
-- Only the JSON part is read: a photo comes behind it, by KServe's binary extension.

local LARGEST_JSON_BYTES = 64 * 1024
local DEEPEST = 32
local MOST_ELEMENTS = 2 ^ 24 -- of a tensor; Triton makes room for as many as are said, and ends where there is none
local QUOTE, BACKSLASH, BRACKET, BRACE = 34, 92, 91, 123

local function refuse(handle, status, message)
  handle:respond({[":status"] = status, ["content-type"] = "application/json"}, '{"error":"' .. message .. '"}')
end

-- How deep objects and lists are nested. What follows a mistake does not count for a parser, and does here.
local function depth_of(json)
  local depth, deepest, at = 0, 0, 0
  while true do
    at = json:find('[%[%]{}"]', at + 1)
    if not at then return deepest end
    local byte = json:byte(at)
    if byte == QUOTE then
      repeat
        at = json:find('["\\]', at + 1)
        if not at then return deepest end
        byte = json:byte(at)
        if byte == BACKSLASH then at = at + 1 end
      until byte == QUOTE
    elseif byte == BRACKET or byte == BRACE then
      depth = depth + 1
      deepest = math.max(deepest, depth)
    else
      depth = depth - 1
    end
  end
end

-- Whether a shape asks for more than any input here has.
local function is_too_large(json)
  for shape in json:gmatch('"shape"%s*:%s*%[([^%]]*)') do
    local elements = 1
    for number in shape:gmatch("[^,%s]+") do elements = elements * math.abs(tonumber(number) or math.huge) end
    if elements > MOST_ELEMENTS then return true end
  end
  return false
end

local function look_at(handle)
  local headers = handle:headers()
  headers:remove("accept-encoding") -- a weight that is no number ends Triton
  if headers:get("content-encoding") then
    return refuse(handle, "415", "compressed requests are not taken: send it as it is, for photos are compressed already")
  end
  local body = handle:body()
  headers = handle:headers() -- those of before the body came can be used no more
  local size = body and body:length() or 0
  if size == 0 then return end
  local json_bytes = size
  local told = headers:get("inference-header-content-length")
  -- Only /infer heeds it: elsewhere all of a body is read as JSON.
  if told and not headers:get(":path"):gsub("%?.*", ""):find("/infer$") then
    return refuse(handle, "400", "Inference-Header-Content-Length is for inference only: leave it out")
  end
  if told then
    json_bytes = told:find("^%d+$") and #told < 10 and tonumber(told) or -1
    if json_bytes < 0 or json_bytes > size then
      return refuse(handle, "400", "Inference-Header-Content-Length is not the number of bytes of the JSON in front")
    end
  end
  if json_bytes > LARGEST_JSON_BYTES then
    return refuse(handle, "413", "the JSON has more than " .. LARGEST_JSON_BYTES .. " bytes: send photos by the binary extension")
  end
  if json_bytes == 0 then return end
  local json = body:getBytes(0, json_bytes)
  if depth_of(json) > DEEPEST then
    return refuse(handle, "400", "the JSON is nested deeper than " .. DEEPEST .. " levels")
  end
  if json:find('\\u00[4-7]') then
    return refuse(handle, "400", "the JSON writes a letter of ASCII as \\\\u00..: write it as it is")
  end
  if json:find('"classification"%s*:') then
    return refuse(handle, "400", "the classification extension is not served: ask for an output without it")
  end
  if json:find('"sequence_') then
    return refuse(handle, "400", "sequences are not served: leave sequence_id, sequence_start and sequence_end out")
  end
  if is_too_large(json) then
    return refuse(handle, "400", "a shape has more than " .. MOST_ELEMENTS .. " elements")
  end
  if not headers:get("content-length") then headers:replace("content-length", tostring(size)) end
end

function envoy_on_request(handle)
  if not pcall(look_at, handle) then refuse(handle, "500", "the request could not be looked at") end -- of itself Envoy lets pass what a script fails at
end
