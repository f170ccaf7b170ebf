// A cache of Triton that several servers share: each entry is a file, named after Triton's own key. A double of the
// Redis cache, which is in Triton's container only. The declarations are the part of Triton's cache API that it uses.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct TRITONSERVER_Error TRITONSERVER_Error;
typedef struct TRITONSERVER_BufferAttributes TRITONSERVER_BufferAttributes;
typedef struct TRITONCACHE_CacheEntry TRITONCACHE_CacheEntry;
typedef struct TRITONCACHE_Allocator TRITONCACHE_Allocator;
typedef struct TRITONCACHE_Cache { char folder[512]; } TRITONCACHE_Cache;
enum { INTERNAL = 1, NOT_FOUND = 2 };

TRITONSERVER_Error* TRITONSERVER_ErrorNew(int code, const char* message);
TRITONSERVER_Error* TRITONSERVER_BufferAttributesNew(TRITONSERVER_BufferAttributes**);
TRITONSERVER_Error* TRITONSERVER_BufferAttributesDelete(TRITONSERVER_BufferAttributes*);
TRITONSERVER_Error* TRITONSERVER_BufferAttributesSetByteSize(TRITONSERVER_BufferAttributes*, size_t);
TRITONSERVER_Error* TRITONSERVER_BufferAttributesByteSize(TRITONSERVER_BufferAttributes*, size_t*);
TRITONSERVER_Error* TRITONCACHE_CacheEntryBufferCount(TRITONCACHE_CacheEntry*, size_t*);
TRITONSERVER_Error* TRITONCACHE_CacheEntryAddBuffer(TRITONCACHE_CacheEntry*, void*, TRITONSERVER_BufferAttributes*);
TRITONSERVER_Error* TRITONCACHE_CacheEntryGetBuffer(TRITONCACHE_CacheEntry*, size_t, void**, TRITONSERVER_BufferAttributes*);
TRITONSERVER_Error* TRITONCACHE_CacheEntrySetBuffer(TRITONCACHE_CacheEntry*, size_t, void*, TRITONSERVER_BufferAttributes*);
TRITONSERVER_Error* TRITONCACHE_Copy(TRITONCACHE_Allocator*, TRITONCACHE_CacheEntry*);

// config: {"folder":"..."}
TRITONSERVER_Error* TRITONCACHE_CacheInitialize(TRITONCACHE_Cache** cache, const char* config) {
  *cache = calloc(1, sizeof **cache);
  const char* at = strstr(config, "\"folder\":\"");
  if (!at || sscanf(at, "\"folder\":\"%511[^\"]", (*cache)->folder) != 1)
    return TRITONSERVER_ErrorNew(INTERNAL, "no folder");
  return NULL;
}

TRITONSERVER_Error* TRITONCACHE_CacheFinalize(TRITONCACHE_Cache* cache) {
  free(cache);
  return NULL;
}

static void name_file(char* file, TRITONCACHE_Cache* cache, const char* key, int is_partial) {
  int end = snprintf(file, 1024, "%s/%s", cache->folder, key);
  if (is_partial) snprintf(file + end, 1024 - end, ".%d.%lx", getpid(), (unsigned long)&end);
}

TRITONSERVER_Error* TRITONCACHE_CacheInsert(
    TRITONCACHE_Cache* cache, const char* key, TRITONCACHE_CacheEntry* entry, TRITONCACHE_Allocator* allocator) {
  size_t count = 0;
  TRITONCACHE_CacheEntryBufferCount(entry, &count);
  void* bytes[16];
  size_t sizes[16];
  for (size_t i = 0; i < count && i < 16; i++) {
    TRITONSERVER_BufferAttributes* attributes;
    TRITONSERVER_BufferAttributesNew(&attributes);
    void* theirs;
    TRITONCACHE_CacheEntryGetBuffer(entry, i, &theirs, attributes);
    TRITONSERVER_BufferAttributesByteSize(attributes, &sizes[i]);
    bytes[i] = malloc(sizes[i]);
    TRITONCACHE_CacheEntrySetBuffer(entry, i, bytes[i], NULL);
    TRITONSERVER_BufferAttributesDelete(attributes);
  }
  TRITONSERVER_Error* error = TRITONCACHE_Copy(allocator, entry);  // into the buffers of the cache
  char partial[1100], file[1100];
  name_file(partial, cache, key, 1);
  name_file(file, cache, key, 0);
  FILE* out = error ? NULL : fopen(partial, "wb");
  for (size_t i = 0; i < count && i < 16; i++) {
    if (out) {
      fwrite(&sizes[i], sizeof sizes[i], 1, out);
      fwrite(bytes[i], 1, sizes[i], out);
    }
    free(bytes[i]);
  }
  if (out) {
    fclose(out);
    rename(partial, file);
  }
  return error;
}

TRITONSERVER_Error* TRITONCACHE_CacheLookup(
    TRITONCACHE_Cache* cache, const char* key, TRITONCACHE_CacheEntry* entry, TRITONCACHE_Allocator* allocator) {
  char file[1100];
  name_file(file, cache, key, 0);
  FILE* in = fopen(file, "rb");
  if (!in) return TRITONSERVER_ErrorNew(NOT_FOUND, "not there");
  void* bytes[16];
  size_t count = 0, size;
  while (count < 16 && fread(&size, sizeof size, 1, in) == 1) {
    bytes[count] = malloc(size);
    if (fread(bytes[count], 1, size, in) != size) break;
    TRITONSERVER_BufferAttributes* attributes;
    TRITONSERVER_BufferAttributesNew(&attributes);
    TRITONSERVER_BufferAttributesSetByteSize(attributes, size);
    TRITONCACHE_CacheEntryAddBuffer(entry, bytes[count++], attributes);
    TRITONSERVER_BufferAttributesDelete(attributes);
  }
  fclose(in);
  TRITONSERVER_Error* error = TRITONCACHE_Copy(allocator, entry);
  for (size_t i = 0; i < count; i++) free(bytes[i]);
  return error;
}
