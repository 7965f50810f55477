/* Arenas for Python's small objects, out of memory that may lie on huge pages: plain C without Python.h.
 * gateway/pages.py installs them. Both functions are called with the interpreter lock held. */

#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>

enum { HUGE = 1 << 21, ARENA = 1 << 20, STRETCH = 32 << 20, KEPT = 16 };

static char *next, *end;   /* what of the last stretch is not given out */
static void *spare[KEPT];  /* arenas that were given back */
static int spares;

static void *mapped(size_t size)
{
    void *memory = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? 0 : memory;
}

/* More addresses; a page is there once it is written to. */
static int stretched(void)
{
    char *memory = mapped(STRETCH + HUGE);
    if (!memory)
        return 0;
    next = (char *)(((uintptr_t)memory + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
    end = next + STRETCH;
#ifdef MADV_HUGEPAGE
    madvise(next, STRETCH, MADV_HUGEPAGE); /* where there are none, small ones do */
#endif
    return 1;
}

/* `PyObjectArenaAllocator.alloc`: an arena, or 0 where there is no memory. */
void *pages_alloc(void *context, size_t size)
{
    (void)context;
    if (size != ARENA)
        return mapped(size);
    if (spares)
        return spare[--spares];
    if (next == end && !stretched())
        return 0;
    next += ARENA;
    return next - ARENA;
}

/* `PyObjectArenaAllocator.free`: a few arenas are kept for the next load, the others go back to the system. */
void pages_free(void *context, void *arena, size_t size)
{
    (void)context;
    if (size == ARENA && spares < KEPT)
        spare[spares++] = arena;
    else
        munmap(arena, size);
}
