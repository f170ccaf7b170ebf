-- How many calls of one shop may be under way, so that its slow or many calls keep nobody else out; and how many of
-- bulk, so that a caller who waits goes first. A worker counts by itself, so there is one. Envoy says nothing of a call
-- that its caller breaks off: it counts until its own deadline.

local LONGEST_S = 60 -- no call goes on for longer
local UNAVAILABLE = "14"
local SECONDS = {H = 3600, M = 60, S = 1, m = 0.001, u = 0.000001, n = 0.000000001}
local under_way, bulk = {}, {} -- by shop, and of all bulk: when each call's time is up, by its number
local calls = 0

-- Whether fewer than `most` of these calls are under way. What has had its time is forgotten.
local function has_room(ends_s, most, now_s)
  local count = 0
  for number, end_s in pairs(ends_s) do
    if end_s < now_s then ends_s[number] = nil else count = count + 1 end
  end
  return count < most
end

local function look_at(handle)
  local headers = handle:headers()
  local shop = headers:get("x-vitrine-shop") or ""
  local now_s = handle:timestamp(EnvoyTimestampResolution.MILLISECOND) / 1000
  local its = under_way[shop] or {}
  under_way[shop] = its
  if not has_room(its, MOST_OF_SHOP, now_s) then
    return handle:respond({[":status"] = "503"}, "too many calls of this shop are under way")
  end
  if BULK[shop] and not has_room(bulk, MOST_OF_BULK, now_s) then
    local text = MOST_OF_BULK .. " bulk calls are under way, and more may not be: ask again in a second, or ask fewer at a time"
    return handle:respond({[":status"] = "400", ["grpc-status"] = UNAVAILABLE}, text)
  end
  local amount, unit = (headers:get("grpc-timeout") or ""):match("^(%d%d?%d?%d?%d?%d?%d?%d?)([HMSmun])$")
  calls = calls + 1
  its[calls] = now_s + math.min(LONGEST_S, amount and tonumber(amount) * SECONDS[unit] or LONGEST_S)
  if BULK[shop] then
    bulk[calls] = its[calls]
    handle:clearRouteCache() -- now that the shop is known: bulk may have servers of its own
  end
  handle:streamInfo():dynamicMetadata():set("vitrine", "call", {shop, calls})
end

function envoy_on_request(handle)
  if not pcall(look_at, handle) then
    handle:respond({[":status"] = "500"}, "the call could not be counted")
  end
end

function envoy_on_response(handle)
  local call = (handle:streamInfo():dynamicMetadata():get("vitrine") or {})["call"]
  if not call then return end
  if under_way[call[1]] then under_way[call[1]][call[2]] = nil end
  bulk[call[2]] = nil
end
