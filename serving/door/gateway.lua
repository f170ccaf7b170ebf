-- How many calls of one shop may be under way, so that its slow or many calls keep nobody else out. A worker counts by
-- itself, so there is one. Envoy says nothing of a call that its caller breaks off: it counts until its own deadline.

local LONGEST_S = 60 -- no call goes on for longer
local SECONDS = {H = 3600, M = 60, S = 1, m = 0.001, u = 0.000001, n = 0.000000001}
local under_way = {} -- by shop: when each call's time is up, by its number
local calls = 0

local function look_at(handle)
  local headers = handle:headers()
  local shop = headers:get("x-vitrine-shop") or ""
  local now_s = handle:timestamp(EnvoyTimestampResolution.MILLISECOND) / 1000
  local its, count = under_way[shop] or {}, 0
  under_way[shop] = its
  for number, end_s in pairs(its) do
    if end_s < now_s then its[number] = nil else count = count + 1 end
  end
  if count >= MOST_OF_SHOP then
    return handle:respond({[":status"] = "503"}, "too many calls of this shop are under way")
  end
  local amount, unit = (headers:get("grpc-timeout") or ""):match("^(%d%d?%d?%d?%d?%d?%d?%d?)([HMSmun])$")
  calls = calls + 1
  its[calls] = now_s + math.min(LONGEST_S, amount and tonumber(amount) * SECONDS[unit] or LONGEST_S)
  handle:streamInfo():dynamicMetadata():set("vitrine", "call", {shop, calls})
end

function envoy_on_request(handle)
  if not pcall(look_at, handle) then
    handle:respond({[":status"] = "500"}, "the call could not be counted")
  end
end

function envoy_on_response(handle)
  local call = (handle:streamInfo():dynamicMetadata():get("vitrine") or {})["call"]
  if call and under_way[call[1]] then under_way[call[1]][call[2]] = nil end
end
