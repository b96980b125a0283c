"""A process of its own for each testbed of umockdev, which sees the devices that it makes: only from
there does the library tell others of them.

Reads a JSON object a line, `{"call": …, "arguments": […]}`, and answers each by a line.
"""

import ctypes
import json
import sys

LIBRARY = "libumockdev.so.0"


class Bed:
    def __init__(self):
        self.library = ctypes.CDLL(LIBRARY)
        new = self.library.umockdev_testbed_new
        new.restype = ctypes.c_void_p
        self.bed = ctypes.c_void_p(new())

    def root(self):
        function = self.library.umockdev_testbed_get_root_dir
        function.restype = ctypes.c_char_p
        return function(self.bed).decode()

    def add(self, text):
        """Adds the devices of a description as umockdev-record writes it."""
        error = ctypes.c_void_p()
        add = self.library.umockdev_testbed_add_from_string
        if not add(self.bed, text.encode(), ctypes.byref(error)):
            raise ValueError(f"umockdev does not take {text}")

    def remove(self, path):
        """Takes a device away, with all that is part of it."""
        self.library.umockdev_testbed_remove_device(self.bed, path.encode())

    def tell(self, path, action):
        """Tells all who listen, as udev does."""
        self.library.umockdev_testbed_uevent(self.bed, path.encode(), action.encode())


def main():
    bed = Bed()
    print(json.dumps(bed.root()), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(getattr(bed, order["call"])(*order["arguments"])), flush=True)


if __name__ == "__main__":
    main()
