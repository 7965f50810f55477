/* The blocks of many files at once: plain C without Python.h, called through ctypes with the interpreter lock released.
 * media/blocks.py is the other end, and does the same in Python where this was not built. */

#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

/* Writes bytes `starts[i]` to `end` of row `i` (`stride` bytes each) to `fds[i]` (-1: nowhere) at `offsets[i]`.
 * `written[i]` says how many were; where not all could be, `errors[i]` is the errno. */
void blocks_write(const int32_t *fds, const int64_t *offsets, const uint8_t *data, int64_t stride,
                  const int64_t *starts, int64_t end, int64_t count, int64_t *written, int32_t *errors)
{
    for (int64_t one = 0; one < count; one++) {
        const uint8_t *row = data + one * stride + starts[one];
        int64_t size = end - starts[one], done = 0;
        while (fds[one] >= 0 && done < size) {
            ssize_t some = pwrite(fds[one], row + done, (size_t)(size - done), (off_t)(offsets[one] + done));
            if (some < 0 && errno == EINTR)
                continue;
            if (some <= 0) {
                errors[one] = some < 0 ? errno : ENOSPC;
                break;
            }
            done += some;
        }
        written[one] = done;
    }
}

/* Brings the whole file system of `fd` to its disk; 0 or the errno. */
int32_t blocks_sync(int32_t fd)
{
    return syncfs(fd) ? errno : 0;
}
