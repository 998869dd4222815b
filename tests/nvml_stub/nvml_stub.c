/* A stand-in for libnvidia-ml.so.1: the calls that the sampler makes, answered from a file.
 *
 * The file named by NVML_STUB_STATE is mapped, so that a test changes a running "driver" by
 * writing to it. state.py holds the same layout. Built with -DOLD_DRIVER it lacks the calls that
 * came with newer drivers. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3,
       INSUFFICIENT_SIZE = 7, UNKNOWN = 999, VERSION_MISMATCH = 25 };
enum { MAX_GPUS = 16, MAX_PROCESSES = 8 };

typedef struct { uint32_t pid, not_used; uint64_t memory; } stub_process;

typedef struct {
    char name[96], uuid[96];
    int32_t error;                 /* every call of this GPU answers with it, 0 is none */
    uint32_t utilization, memory_utilization;
    uint64_t total, reserved, used;
    uint32_t milliwatts, limit_milliwatts;
    int32_t temperature;
    uint32_t mig;
    uint64_t throttle, ecc_uncorrected;
    int32_t mig_supported, ecc_supported;
    uint32_t processes, not_used;
    stub_process process[MAX_PROCESSES];
} stub_gpu;

typedef struct {
    uint32_t count;
    int32_t init_error;
    char driver[80];
    char slow_call[80];            /* this call takes slow_milliseconds, or until it is cleared */
    int32_t slow_gpu;              /* on this GPU only, -1 on all */
    uint32_t slow_milliseconds;
    uint32_t calls, inits;
    int32_t chatty;                /* prints to standard output, as some libraries do */
    int32_t crash;
    stub_gpu gpu[MAX_GPUS];
} stub_state;

static volatile stub_state *state;
static int opened;

static void attach(void)
{
    const char *path = getenv("NVML_STUB_STATE");
    int fd = path ? open(path, O_RDWR) : -1;
    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof(stub_state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED)
        state = at;
}

static void enter(const char *call, int gpu)
{
    struct timespec tick = { 0, 5 * 1000 * 1000 };
    state->calls++;
    if (state->chatty) {
        printf("greetings ");
        fflush(stdout);
    }
    if (state->crash) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        abort();
    }
    for (uint32_t spent = 0; spent < state->slow_milliseconds; spent += 5) {
        if (strcmp((const char *)state->slow_call, call) != 0)
            return;
        if (state->slow_gpu >= 0 && state->slow_gpu != gpu)
            return;
        nanosleep(&tick, NULL);
    }
}

int nvmlInitWithFlags(unsigned flags)
{
    (void)flags;
    if (!state)
        attach();
    if (!state)
        return UNKNOWN;
    enter("nvmlInit", -1);
    state->inits++;
    opened = state->init_error == 0;
    return state->init_error;
}

int nvmlShutdown(void)
{
    opened = 0;
    return SUCCESS;
}

const char *nvmlErrorString(int code)
{
    (void)code;
    return "an error of the stand-in";
}

static int text(const volatile char *from, char *to, unsigned length)
{
    size_t size = strlen((const char *)from) + 1;
    if (size > length)
        return INSUFFICIENT_SIZE;
    memcpy(to, (const char *)from, size);
    return SUCCESS;
}

int nvmlSystemGetDriverVersion(char *version, unsigned length)
{
    enter(__func__, -1);
    return text(state->driver, version, length);
}

int nvmlDeviceGetCount_v2(unsigned *count)
{
    if (!opened)
        return UNINITIALIZED;
    enter("nvmlDeviceGetCount", -1);
    if (state->init_error)
        return state->init_error;
    *count = state->count;
    return SUCCESS;
}

/* A handle is the address of the GPU's part of the state. */
static int ask(const char *call, volatile stub_gpu *gpu)
{
    if (!opened)
        return UNINITIALIZED;
    if (!gpu)
        return INVALID_ARGUMENT;
    enter(call, (int)(gpu - state->gpu));
    return gpu->error;
}

#define ASK(gpu) do { int said = ask(__func__, gpu); if (said) return said; } while (0)

int nvmlDeviceGetHandleByIndex_v2(unsigned index, volatile stub_gpu **gpu)
{
    if (!opened)
        return UNINITIALIZED;
    if (index >= state->count)
        return INVALID_ARGUMENT;
    *gpu = &state->gpu[index];
    ASK(*gpu);
    return SUCCESS;
}

int nvmlDeviceGetName(volatile stub_gpu *gpu, char *name, unsigned length)
{
    ASK(gpu);
    return text(gpu->name, name, length);
}

int nvmlDeviceGetUUID(volatile stub_gpu *gpu, char *uuid, unsigned length)
{
    ASK(gpu);
    return text(gpu->uuid, uuid, length);
}

typedef struct { unsigned gpu, memory; } utilization;

int nvmlDeviceGetUtilizationRates(volatile stub_gpu *gpu, utilization *rates)
{
    ASK(gpu);
    if (gpu->mig)
        return NOT_SUPPORTED;
    rates->gpu = gpu->utilization;
    rates->memory = gpu->memory_utilization;
    return SUCCESS;
}

typedef struct { unsigned long long total, free, used; } memory_v1;

int nvmlDeviceGetMemoryInfo(volatile stub_gpu *gpu, memory_v1 *memory)
{
    ASK(gpu);
    memory->total = gpu->total;
    memory->used = gpu->used + gpu->reserved;
    memory->free = gpu->total - memory->used;
    return SUCCESS;
}

int nvmlDeviceGetPowerUsage(volatile stub_gpu *gpu, unsigned *milliwatts)
{
    ASK(gpu);
    *milliwatts = gpu->milliwatts;
    return SUCCESS;
}

int nvmlDeviceGetEnforcedPowerLimit(volatile stub_gpu *gpu, unsigned *milliwatts)
{
    ASK(gpu);
    *milliwatts = gpu->limit_milliwatts;
    return SUCCESS;
}

int nvmlDeviceGetTemperature(volatile stub_gpu *gpu, int sensor, unsigned *degrees)
{
    ASK(gpu);
    if (sensor != 0)
        return INVALID_ARGUMENT;
    *degrees = (unsigned)gpu->temperature;
    return SUCCESS;
}

int nvmlDeviceGetCurrentClocksThrottleReasons(volatile stub_gpu *gpu, unsigned long long *mask)
{
    ASK(gpu);
    *mask = gpu->throttle;
    return SUCCESS;
}

int nvmlDeviceGetTotalEccErrors(volatile stub_gpu *gpu, int kind, int counter,
                                unsigned long long *count)
{
    ASK(gpu);
    if (!gpu->ecc_supported)
        return NOT_SUPPORTED;
    /* Only the uncorrected ones since the driver was loaded are known here. */
    *count = kind == 1 && counter == 0 ? gpu->ecc_uncorrected : 77;
    return SUCCESS;
}

int nvmlDeviceGetMigMode(volatile stub_gpu *gpu, unsigned *current, unsigned *pending)
{
    ASK(gpu);
    if (!gpu->mig_supported)
        return NOT_SUPPORTED;
    *current = *pending = gpu->mig;
    return SUCCESS;
}

typedef struct {
    unsigned pid;
    unsigned long long memory;
    unsigned gpu_instance, compute_instance;
} process_info;

static int processes(const char *call, volatile stub_gpu *gpu, unsigned *count, process_info *into)
{
    int said = ask(call, gpu);
    if (said)
        return said;
    unsigned room = *count;
    *count = gpu->processes;
    if (gpu->processes == 0)
        return SUCCESS;
    if (!into || room < gpu->processes)
        return INSUFFICIENT_SIZE;
    for (unsigned i = 0; i < gpu->processes; i++)
        into[i] = (process_info){ gpu->process[i].pid, gpu->process[i].memory, ~0u, ~0u };
    return SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v2(volatile stub_gpu *gpu, unsigned *count,
                                            process_info *into)
{
    return processes(__func__, gpu, count, into);
}

int nvmlDeviceGetGraphicsRunningProcesses_v2(volatile stub_gpu *gpu, unsigned *count,
                                             process_info *into)
{
    (void)into;
    ASK(gpu);
    *count = 0;
    return SUCCESS;
}

#ifndef OLD_DRIVER

typedef struct { unsigned version; unsigned long long total, reserved, free, used; } memory_v2;

int nvmlDeviceGetMemoryInfo_v2(volatile stub_gpu *gpu, memory_v2 *memory)
{
    ASK(gpu);
    if (memory->version != (sizeof(memory_v2) | 2u << 24))
        return VERSION_MISMATCH;
    memory->total = gpu->total;
    memory->reserved = gpu->reserved;
    memory->used = gpu->used;
    memory->free = gpu->total - gpu->used - gpu->reserved;
    return SUCCESS;
}

typedef struct { unsigned version; int sensor, degrees; } temperature;

int nvmlDeviceGetTemperatureV(volatile stub_gpu *gpu, temperature *reading)
{
    ASK(gpu);
    if (reading->version != (sizeof(temperature) | 1u << 24))
        return VERSION_MISMATCH;
    if (reading->sensor != 0)
        return INVALID_ARGUMENT;
    reading->degrees = gpu->temperature;
    return SUCCESS;
}

int nvmlDeviceGetCurrentClocksEventReasons(volatile stub_gpu *gpu, unsigned long long *mask)
{
    ASK(gpu);
    *mask = gpu->throttle;
    return SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(volatile stub_gpu *gpu, unsigned *count,
                                            process_info *into)
{
    return processes(__func__, gpu, count, into);
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(volatile stub_gpu *gpu, unsigned *count,
                                             process_info *into)
{
    return nvmlDeviceGetGraphicsRunningProcesses_v2(gpu, count, into);
}

#endif

/* For the tests: what this library thinks the layouts are. */
unsigned stub_size(const char *of)
{
    if (!strcmp(of, "state")) return sizeof(stub_state);
    if (!strcmp(of, "gpu")) return sizeof(stub_gpu);
    if (!strcmp(of, "utilization")) return sizeof(utilization);
    if (!strcmp(of, "memory")) return sizeof(memory_v1);
    if (!strcmp(of, "process")) return sizeof(process_info);
#ifndef OLD_DRIVER
    if (!strcmp(of, "memory_v2")) return sizeof(memory_v2);
    if (!strcmp(of, "temperature")) return sizeof(temperature);
#endif
    return 0;
}
