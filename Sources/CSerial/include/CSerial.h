// The kernel's side of a serial port, for which glibc has no headers or only variadic functions.
//
// `struct termios2`, which alone carries any baud rate, clashes with glibc's <termios.h>; it stays
// inside CSerial.c and is mirrored here. Every function is one system call that returns -1 and sets
// errno where it fails, unless it says otherwise. See ioctl_tty(2).

#ifndef CSERIAL_H
#define CSERIAL_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct pollfd;

// The kernel's `struct termios2`.
struct cserial_termios {
  uint32_t input_flags;
  uint32_t output_flags;
  uint32_t control_flags;
  uint32_t local_flags;
  uint8_t line_discipline;
  uint8_t control_characters[19];
  uint32_t input_rate;
  uint32_t output_rate;
};

int cserial_get_termios(int descriptor, struct cserial_termios *termios);
int cserial_set_termios(int descriptor, const struct cserial_termios *termios);
// Waits for the output to leave before it sets.
int cserial_drain_and_set_termios(int descriptor, const struct cserial_termios *termios);

enum cserial_flow { CSERIAL_FLOW_NONE, CSERIAL_FLOW_RTS_CTS, CSERIAL_FLOW_XON_XOFF };

// Edits in place, calls nothing: raw 8N1 at any rate, modem lines ignored, no hang-up on close, a
// read that waits for one byte (so that 0 bytes mean a hang-up).
void cserial_make_raw(
    struct cserial_termios *termios, uint32_t baud_rate, enum cserial_flow flow);
// Edits in place, calls nothing: closing leaves DTR and RTS alone.
void cserial_keep_lines_on_close(struct cserial_termios *termios);

int cserial_is_exclusive(int descriptor, int *exclusive);
int cserial_set_exclusive(int descriptor, bool exclusive);

// Switches ASYNC_LOW_LATENCY and tells what it was; fails where the driver has no such flag.
int cserial_set_low_latency(int descriptor, bool low_latency, bool *previous);

enum cserial_level { CSERIAL_LEVEL_KEEP, CSERIAL_LEVEL_DROP, CSERIAL_LEVEL_RAISE };

// Sets DTR and RTS, both at once.
int cserial_set_modem_lines(int descriptor, enum cserial_level dtr, enum cserial_level rts);

// Bytes written and not yet sent; bytes received and not yet read.
int cserial_output_queue(int descriptor, int *byte_count);
int cserial_input_queue(int descriptor, int *byte_count);
int cserial_flush_input(int descriptor);
int cserial_flush_output(int descriptor);

// The master of a new pseudo-terminal, unlocked and non-blocking; the N of its slave /dev/pts/N.
// See pty(7).
int cserial_open_master(void);
int cserial_slave_number(int master, unsigned *number);

// A descriptor that becomes readable when SIGINT, SIGTERM or SIGHUP is pending; see signalfd(2).
int cserial_signal_descriptor(void);
// Whether a signal is ignored, as nohup(1) has it; calls that cannot fail for a valid number.
bool cserial_is_ignored(int signal_number);
// The number of the next pending signal.
int cserial_next_signal(int descriptor);

// ppoll(2) without a signal mask, which glibc declares for GNU sources only.
int cserial_poll(struct pollfd *entries, unsigned long count, const struct timespec *timeout);

#endif
