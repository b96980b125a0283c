#define _GNU_SOURCE
#include "CSerial.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

_Static_assert(NCCS == 19, "the mirror has as many control characters as the kernel");

int cserial_get_termios(int descriptor, struct cserial_termios *termios) {
  struct termios2 kernel;
  if (ioctl(descriptor, TCGETS2, &kernel) < 0) return -1;
  termios->input_flags = kernel.c_iflag;
  termios->output_flags = kernel.c_oflag;
  termios->control_flags = kernel.c_cflag;
  termios->local_flags = kernel.c_lflag;
  termios->line_discipline = kernel.c_line;
  memcpy(termios->control_characters, kernel.c_cc, NCCS);
  termios->input_rate = kernel.c_ispeed;
  termios->output_rate = kernel.c_ospeed;
  return 0;
}

static int set_termios(
    int descriptor, unsigned long request, const struct cserial_termios *termios) {
  struct termios2 kernel = {
      .c_iflag = termios->input_flags,
      .c_oflag = termios->output_flags,
      .c_cflag = termios->control_flags,
      .c_lflag = termios->local_flags,
      .c_line = termios->line_discipline,
      .c_ispeed = termios->input_rate,
      .c_ospeed = termios->output_rate,
  };
  memcpy(kernel.c_cc, termios->control_characters, NCCS);
  return ioctl(descriptor, request, &kernel);
}

int cserial_set_termios(int descriptor, const struct cserial_termios *termios) {
  return set_termios(descriptor, TCSETS2, termios);
}

int cserial_drain_and_set_termios(int descriptor, const struct cserial_termios *termios) {
  return set_termios(descriptor, TCSETSW2, termios);
}

void cserial_make_raw(
    struct cserial_termios *termios, uint32_t baud_rate, enum cserial_flow flow) {
  termios->input_flags = flow == CSERIAL_FLOW_XON_XOFF ? IXON | IXOFF : 0;
  termios->output_flags = 0;
  termios->local_flags = 0;
  // BOTHER in both speed fields: the rates are the numbers in c_ispeed and c_ospeed.
  termios->control_flags = CS8 | CREAD | CLOCAL | BOTHER | (BOTHER << IBSHIFT);
  if (flow == CSERIAL_FLOW_RTS_CTS) termios->control_flags |= CRTSCTS;
  termios->line_discipline = 0;  // N_TTY
  termios->control_characters[VMIN] = 1;
  termios->control_characters[VTIME] = 0;
  termios->control_characters[VSTART] = 0x11;
  termios->control_characters[VSTOP] = 0x13;
  termios->input_rate = baud_rate;
  termios->output_rate = baud_rate;
}

void cserial_keep_lines_on_close(struct cserial_termios *termios) {
  termios->control_flags &= ~(uint32_t)HUPCL;
}

int cserial_is_exclusive(int descriptor, int *exclusive) {
  return ioctl(descriptor, TIOCGEXCL, exclusive);
}

int cserial_set_exclusive(int descriptor, bool exclusive) {
  return ioctl(descriptor, exclusive ? TIOCEXCL : TIOCNXCL);
}

int cserial_set_low_latency(int descriptor, bool low_latency, bool *previous) {
  struct serial_struct serial;
  if (ioctl(descriptor, TIOCGSERIAL, &serial) < 0) return -1;
  *previous = (serial.flags & ASYNC_LOW_LATENCY) != 0;
  if (*previous == low_latency) return 0;
  serial.flags ^= ASYNC_LOW_LATENCY;
  return ioctl(descriptor, TIOCSSERIAL, &serial);
}

int cserial_set_modem_lines(int descriptor, enum cserial_level dtr, enum cserial_level rts) {
  int lines = 0;
  if (ioctl(descriptor, TIOCMGET, &lines) < 0) return -1;
  if (dtr == CSERIAL_LEVEL_RAISE) lines |= TIOCM_DTR;
  if (dtr == CSERIAL_LEVEL_DROP) lines &= ~TIOCM_DTR;
  if (rts == CSERIAL_LEVEL_RAISE) lines |= TIOCM_RTS;
  if (rts == CSERIAL_LEVEL_DROP) lines &= ~TIOCM_RTS;
  return ioctl(descriptor, TIOCMSET, &lines);
}

int cserial_output_queue(int descriptor, int *byte_count) {
  return ioctl(descriptor, TIOCOUTQ, byte_count);
}

int cserial_input_queue(int descriptor, int *byte_count) {
  return ioctl(descriptor, FIONREAD, byte_count);
}

int cserial_flush_input(int descriptor) { return ioctl(descriptor, TCFLSH, TCIFLUSH); }

int cserial_flush_output(int descriptor) { return ioctl(descriptor, TCFLSH, TCOFLUSH); }

int cserial_open_master(void) {
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (master < 0) return -1;
  if (grantpt(master) == 0 && unlockpt(master) == 0) return master;
  int error = errno;
  close(master);
  errno = error;
  return -1;
}

int cserial_slave_number(int master, unsigned *number) { return ioctl(master, TIOCGPTN, number); }

int cserial_signal_descriptor(void) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  return signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
}

bool cserial_is_ignored(int signal_number) {
  struct sigaction action;
  return sigaction(signal_number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int cserial_next_signal(int descriptor) {
  struct signalfd_siginfo info;
  ssize_t size = read(descriptor, &info, sizeof info);
  if (size == sizeof info) return (int)info.ssi_signo;
  if (size >= 0) errno = EIO;
  return -1;
}

int cserial_poll(struct pollfd *entries, unsigned long count, const struct timespec *timeout) {
  return ppoll(entries, count, timeout, NULL);
}
