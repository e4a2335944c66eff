"""Holds a directory of the view: lists it into a page that never comes (DIRECTORY, NAME in it).

HOW: `userfaultfd`, which needs CAP_SYS_PTRACE, or `fuse`, a page of a file on a mount of our own,
which needs /dev/fuse.
"""


def missing_page():
    """An address whose first touch waits for a userfaultfd that nobody serves."""
    fd = syscall(NR["userfaultfd"], os.O_CLOEXEC)
    fcntl.ioctl(fd, 0xC018AA3F, struct.pack("<QQQ", 0xAA, 0, 0))
    libc.mmap.restype = ctypes.c_void_p
    page = libc.mmap(None, ctypes.c_size_t(4096), 3, 0x22, -1, ctypes.c_long(0))
    fcntl.ioctl(fd, 0xC020AA00, struct.pack("<QQQQ", page, 4096, 1, 0))
    return page


def fuse_page():
    """The same with a FUSE mount, whose server answers everything but the read."""
    nest(NEWNS)
    fd = os.open("/dev/fuse", os.O_RDWR)
    mount("fuse", "/mnt", 0, "fd=%d,rootmode=40000,user_id=0,group_id=0" % fd)
    attr = lambda ino, mode: struct.pack("<6Q10I", ino, 4096, 8, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def serve():
        while True:
            request = os.read(fd, 1 << 17)
            size, opcode, unique, node = struct.unpack("<IIQQ", request[:24])
            if opcode == 26:  # INIT
                body = struct.pack("<IIIIHHIIHHI7I", 7, 31, 4096, 0, 12, 9, 4096, 1, 1, 0, *[0] * 8)
            elif opcode == 1:  # LOOKUP
                body = struct.pack("<4QII", 2, 0, 60, 60, 0, 0) + attr(2, 0o100644)
            elif opcode == 3:  # GETATTR
                body = struct.pack("<QII", 60, 0, 0) + attr(node, 0o40755 if node == 1 else 0o100644)
            elif opcode in (14, 27):  # OPEN, OPENDIR
                body = struct.pack("<QII", 1, 0, 0)
            elif opcode in (15, 2, 42):  # READ is what never comes; FORGET has no answer
                continue
            else:
                body = b""
            os.write(fd, struct.pack("<IiQ", 16 + len(body), 0, unique) + body)

    threading.Thread(target=serve, daemon=True).start()
    file = os.open("/mnt/page", os.O_RDONLY)
    libc.mmap.restype = ctypes.c_void_p
    # private, for a page to be written must be read first
    page = libc.mmap(None, ctypes.c_size_t(4096), 3, 2, file, ctypes.c_long(0))
    if page == ctypes.c_void_p(-1).value:
        check(-1)
    return page


page = {"userfaultfd": missing_page, "fuse": fuse_page}[HOW]()
# the kernel has to know the name, or nothing need be forgotten
os.stat(DIRECTORY + "/" + NAME)
directory = os.open(DIRECTORY, os.O_RDONLY | os.O_DIRECTORY)


def hold():
    libc.syscall(ctypes.c_long(NR["getdents64"]), ctypes.c_long(directory), ctypes.c_void_p(page), ctypes.c_long(4096))
    print("let go", flush=True)


holder = threading.Thread(target=hold, daemon=True)
holder.start()
time.sleep(0.3)
print("held" if holder.is_alive() else "not held", flush=True)
while True:
    time.sleep(60)
