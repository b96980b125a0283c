/* The C receiver as a program: listens on a terminal, writes the image when the model is complete,
   and prints a line for each event. For tests; a firmware's main loop looks much the same.

   usage: receiver TTY IMAGE [STORE_MS [FLASH [WORN]]]      compiled with the folder of table.h

   With WT_FLASH the file FLASH is the flash, as that of `wtserial device` is; where it has a model,
   that is written at the start, too. Bit 0 of the byte at the offset WORN is stuck at one.

   Exit status: 0 when a model has come, 1 when the session was closed without. SIGUSR1 resets it,
   as the button of a board does. */
#define _DEFAULT_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "table.h" /* of Scripts/model-table, with the name "model" */
#include "wtserial.h"

static struct wt_receiver receiver;
static struct wt_state states[MODEL_TENSORS];
static uint8_t image[MODEL_IMAGE_SIZE], frame[262], outbox[WT_HELD ? 512 : 192];
#if WT_WINDOW
static uint8_t window[WT_WINDOW_SIZE(128)];
#endif
static const char *image_path;
static uint16_t store_milliseconds;
static bool is_complete, is_closed;
static volatile sig_atomic_t is_reset;

static void reset(int number)
{
    (void)number;
    is_reset = 1;
}

static uint32_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

static void write_file(void)
{
#if WT_FLASH && !WT_MEMORY
    for (uint32_t i = 0; i < sizeof image; i++)
        image[i] = wt_byte(&receiver, i);
#endif
    FILE *file = fopen(image_path, "wb");
    if (!file || fwrite(image, 1, sizeof image, file) != sizeof image
        || fwrite(states, 1, sizeof states, file) != sizeof states || fclose(file) != 0)
        exit(2);
}

static uint16_t take_event(void *context, enum wt_event event, uint16_t first, uint16_t second)
{
    static const char *const names[] = {"accepted", "updated",  "milestone",
                                        "check",    "complete", "closed",
                                        "switched"};
    (void)context;
    printf("%s %u %u\n", names[event], first, second);
    fflush(stdout);
    switch (event) {
    case WT_MILESTONE:
        wt_metric(&receiver, "accuracy", 987, 1, "%");
        break;
    case WT_CHECK:
        return store_milliseconds;
    case WT_COMPLETE:
        poll(NULL, 0, store_milliseconds);
        write_file();
        is_complete = true;
        return 1;
    case WT_SWITCHED:
        return 1;
    case WT_CLOSED:
        /* One that holds models is asked for them in other sessions. */
        is_closed = first != WT_SILENCE && !WT_HELD;
#if WT_CORRECTION
        printf("corrected %u frames\n", (unsigned)(receiver.corrected >> 16));
#endif
        break;
    default:
        break;
    }
    return 0;
}

#if WT_FLASH
#define PAGE_SIZE 4096u
#define SLOT_BYTES WT_SLOT_SIZE(MODEL_TENSORS, MODEL_IMAGE_SIZE)
#define SLOT_PAGES ((SLOT_BYTES + PAGE_SIZE - 1u) / PAGE_SIZE)
#define FLASH_BYTES ((2u * SLOT_PAGES + 2u) * PAGE_SIZE) /* with a journal, used or not */
#define NOWHERE FLASH_BYTES

static uint8_t *flash_bytes;
static uint32_t worn = NOWHERE;

static void erase(void *context, uint16_t page)
{
    (void)context;
    memset(flash_bytes + page * PAGE_SIZE, 0xFF, PAGE_SIZE);
}

static void program(void *context, uint32_t offset, const uint8_t *bytes, uint8_t count)
{
    (void)context;
    for (uint32_t i = offset; i < offset + count; i++)
        flash_bytes[i] &= (uint8_t)(*bytes++ | (i == worn));
}

static void read_flash(void *context, uint32_t offset, uint8_t *bytes, uint8_t count)
{
    (void)context;
    memcpy(bytes, flash_bytes + offset, count);
}

static const struct wt_flash flash = {
    .page_size = PAGE_SIZE,
    .page_count = 2 * SLOT_PAGES,
    .milliseconds = 20,
    .unit = 4,
    .erase = erase,
    .program = program,
    .read = read_flash,
};

/* False where the file is not the flash of such a device. */
static bool open_flash(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT, 0644);
    off_t size = file < 0 ? -1 : lseek(file, 0, SEEK_END);
    if ((size != 0 && size != FLASH_BYTES) || ftruncate(file, FLASH_BYTES) != 0)
        return false;
    flash_bytes = mmap(NULL, FLASH_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (flash_bytes == MAP_FAILED)
        return false;
    if (size == 0)
        memset(flash_bytes, 0xFF, FLASH_BYTES);
    return true;
}
#elif !WT_MEMORY
static void read_image(void *context, uint32_t offset, uint8_t *bytes, uint16_t count)
{
    (void)context;
    memcpy(bytes, image + offset, count);
}

static void write_image(void *context, uint32_t offset, const uint8_t *bytes, uint16_t count)
{
    (void)context;
    memcpy(image + offset, bytes, count);
}
#endif

static const struct wt_config config = {
    .table = model,
    .table_size = sizeof model,
    .states = states,
    .mtu = sizeof frame,
    .frame = frame,
    .outbox = outbox,
    .outbox_size = sizeof outbox,
    .name = "host",
#if WT_MEMORY
    .image = image,
#elif !WT_FLASH
    .read = read_image,
    .write = write_image,
#endif
#if WT_FLASH
    .flash = &flash,
#endif
#if WT_WINDOW
    .window = window,
    .window_blocks = 128,
#endif
    .event = take_event,
};

static void start(void)
{
    is_reset = 0;
    memset(states, 0, sizeof states);
    wt_init(&receiver, &config, milliseconds() ^ (uint32_t)getpid() << 16);
#if WT_FLASH
    if (wt_restore(&receiver)) {
        write_file();
        printf("found\n");
    }
#endif
}

static void run(int port)
{
    uint8_t bytes[64], out[WT_FRAME_SIZE];
    while (!is_closed) {
        if (is_reset)
            start();
        for (uint16_t count; (count = wt_transmit(&receiver, out, milliseconds()));)
            for (uint16_t done = 0; done < count;) {
                ssize_t written = write(port, out + done, count - done);
                done = (uint16_t)(done + (written > 0 ? written : 0));
            }
        uint32_t wait = wt_deadline(&receiver, milliseconds());
        struct pollfd poller = {.fd = port, .events = POLLIN};
        if (poll(&poller, 1, wait < 1000 ? (int)wait : 1000) > 0) {
            ssize_t count = read(port, bytes, sizeof bytes);
            if (count <= 0)
                return;
            wt_receive(&receiver, bytes, (uint16_t)count, milliseconds());
        }
    }
}

int main(int count, char **arguments)
{
    struct termios settings;
    struct sigaction action = {.sa_handler = reset};
    if (count < 3)
        return 64;
    image_path = arguments[2];
    store_milliseconds = (uint16_t)(count > 3 ? atoi(arguments[3]) : 0);
#if WT_FLASH
    if (count < 5 || !open_flash(arguments[4]))
        return 73;
    if (count > 5)
        worn = (uint32_t)atol(arguments[5]);
#endif
    int port = open(arguments[1], O_RDWR | O_NOCTTY);
    if (port < 0 || tcgetattr(port, &settings) != 0)
        return 66;
    cfmakeraw(&settings);
    tcsetattr(port, TCSANOW, &settings);
    sigaction(SIGUSR1, &action, NULL);
    start();
    printf("ready\n");
    fflush(stdout);
    run(port);
    return is_complete ? 0 : 1;
}
