/*
 * A Vulkan layer that keeps command buffers and submissions from a driver without its hardware. Pipelines are compiled
 * for real.
 *
 * Declares the few things of the loader's interface that it needs, so that a C compiler is all it takes. Source:
 * Vulkan-Loader's LoaderLayerInterface.md, vk_layer.h.
 */
#include <stdint.h>
#include <string.h>

typedef void (*Function)(void);
typedef Function (*GetProcAddr)(void *object, const char *name);
typedef int32_t (*CreateInstance)(const void *info, const void *allocator, void **instance);
typedef int32_t (*CreateDevice)(void *adapter, const void *info, const void *allocator, void **device);

/* What the loader puts into the chain of a creation: the next layer's functions. */
struct Link {
  struct Link *next;
  GetProcAddr next_get_instance_proc_addr;
  GetProcAddr next_get_device_proc_addr; /* of an instance: of physical devices */
};

struct Chained {
  int32_t type;
  struct Chained *next;
  int32_t function; /* 0: `link` is one */
  struct Link *link;
};

struct Negotiation {
  int32_t type;
  void *next;
  uint32_t version;
  GetProcAddr get_instance_proc_addr;
  GetProcAddr get_device_proc_addr;
  GetProcAddr get_physical_device_proc_addr;
};

enum { LOADER_INSTANCE_CREATE_INFO = 47, LOADER_DEVICE_CREATE_INFO = 48 };

static GetProcAddr next_get_instance_proc_addr;
static GetProcAddr next_get_device_proc_addr;
static void *instance;

/* Takes this layer's link out of the chain, so that the next layer finds its own. */
static struct Link *take_link(const void *create_info, int32_t type) {
  struct Chained *chained = ((struct Chained *)create_info)->next;
  while (chained->type != type || chained->function != 0) chained = chained->next;
  struct Link *link = chained->link;
  chained->link = link->next;
  return link;
}

static int32_t success(void) { return 0; }

static Function get_device_proc_addr(void *device, const char *name) {
  static const char *const ignored[] = {
      "vkBeginCommandBuffer", "vkEndCommandBuffer", "vkQueueSubmit", "vkQueueSubmit2", "vkQueueWaitIdle"};
  if (strcmp(name, "vkGetDeviceProcAddr") == 0) return (Function)get_device_proc_addr;
  if (strncmp(name, "vkCmd", 5) == 0) return (Function)success;
  for (unsigned i = 0; i < sizeof ignored / sizeof *ignored; i++) {
    if (strcmp(name, ignored[i]) == 0) return (Function)success;
  }
  return next_get_device_proc_addr(device, name);
}

static int32_t create_device(void *adapter, const void *info, const void *allocator, void **device) {
  struct Link *link = take_link(info, LOADER_DEVICE_CREATE_INFO);
  next_get_device_proc_addr = link->next_get_device_proc_addr;
  CreateDevice create = (CreateDevice)link->next_get_instance_proc_addr(instance, "vkCreateDevice");
  return create(adapter, info, allocator, device);
}

static int32_t create_instance(const void *info, const void *allocator, void **created) {
  struct Link *link = take_link(info, LOADER_INSTANCE_CREATE_INFO);
  next_get_instance_proc_addr = link->next_get_instance_proc_addr;
  CreateInstance create = (CreateInstance)next_get_instance_proc_addr(0, "vkCreateInstance");
  int32_t result = create(info, allocator, created);
  instance = *created;
  return result;
}

static Function get_instance_proc_addr(void *of, const char *name) {
  if (strcmp(name, "vkGetInstanceProcAddr") == 0) return (Function)get_instance_proc_addr;
  if (strcmp(name, "vkGetDeviceProcAddr") == 0) return (Function)get_device_proc_addr;
  if (strcmp(name, "vkCreateInstance") == 0) return (Function)create_instance;
  if (strcmp(name, "vkCreateDevice") == 0) return (Function)create_device;
  return next_get_instance_proc_addr(of, name);
}

int32_t vkNegotiateLoaderLayerInterfaceVersion(struct Negotiation *negotiation) {
  negotiation->version = 2;
  negotiation->get_instance_proc_addr = get_instance_proc_addr;
  negotiation->get_device_proc_addr = get_device_proc_addr;
  negotiation->get_physical_device_proc_addr = 0;
  return 0;
}
