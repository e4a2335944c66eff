"""Asks statfs in every way. An attempt's value is the name of the file system."""

NAMES = {0x62656572: "sysfs", 0x65735546: "fuse", 0x9FA0: "proc", 0x01021994: "tmpfs", 0x1CD1: "devpts"}
FIELDS = struct.Struct("<7q2i7q")
buffer = ctypes.create_string_buffer(FIELDS.size)


def figures(call, subject, into=None):
    """The whole structure, by `statfs` or `fstatfs`."""
    into = ctypes.create_string_buffer(FIELDS.size) if into is None else into
    check(getattr(libc, call)(subject, into))
    return isinstance(into, ctypes.Array) and FIELDS.unpack(into.raw)


def name_of(found):
    return NAMES.get(found[0], hex(found[0]))


def of(path):
    return name_of(figures("statfs", path.encode()))


def of_fd(path, flags=os.O_RDONLY):
    return name_of(figures("fstatfs", os.open(path, flags)))


def within(seconds, act):
    """`act` on a thread of its own, which may never come back."""
    results = []
    thread = threading.Thread(target=lambda: results.append(result(act)), daemon=True)
    thread.start()
    thread.join(seconds)
    return results[0] if results else "hangs"


def missing_page():
    """An address whose first touch waits for a userfaultfd that nobody serves."""
    fd = syscall(NR["userfaultfd"], os.O_CLOEXEC)
    fcntl.ioctl(fd, 0xC018AA3F, struct.pack("<QQQ", 0xAA, 0, 0))
    libc.mmap.restype = ctypes.c_void_p
    page = libc.mmap(None, ctypes.c_size_t(4096), 3, 0x22, -1, ctypes.c_long(0))
    fcntl.ioctl(fd, 0xC020AA00, struct.pack("<QQQQ", page, 4096, 1, 0))
    return ctypes.c_void_p(page)


def hung_mount(where, data=""):
    """A FUSE mount with a file `page`, whose server never finds another name and never reads."""
    fd = os.open("/dev/fuse", os.O_RDWR)
    mount("fuse", where, 0, "fd=%d,rootmode=40000,user_id=0,group_id=0%s" % (fd, data))
    attr = lambda ino, mode: struct.pack("<6Q10I", ino, 4096, 8, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def serve():
        while True:
            request = os.read(fd, 1 << 17)
            size, opcode, unique, node = struct.unpack("<IIQQ", request[:24])
            if opcode == 26:  # INIT
                body = struct.pack("<IIIIHHIIHHI7I", 7, 31, 4096, 0, 12, 9, 4096, 1, 1, 0, *[0] * 8)
            elif opcode == 3:  # GETATTR
                body = struct.pack("<QII", 60, 0, 0) + attr(node, 0o40755 if node == 1 else 0o100644)
            elif opcode == 1 and request[40:] == b"page\0":  # LOOKUP
                body = struct.pack("<4QII", 2, 0, 60, 60, 0, 0) + attr(2, 0o100644)
            elif opcode == 14:  # OPEN
                body = struct.pack("<QII", 1, 0, 0)
            elif opcode in (1, 2, 15, 42):  # what never comes; FORGET has no answer
                continue
            else:
                os.write(fd, struct.pack("<IiQ", 16, -38, unique))
                continue
            os.write(fd, struct.pack("<IiQ", 16 + len(body), 0, unique) + body)

    threading.Thread(target=serve, daemon=True).start()


def hung_page(where):
    """A page of that file. It is private: to be written, it must be read first."""
    file = os.open(where + "/page", os.O_RDONLY)
    libc.mmap.restype = ctypes.c_void_p
    page = libc.mmap(None, ctypes.c_size_t(4096), 3, 2, file, ctypes.c_long(0))
    if page == ctypes.c_void_p(-1).value:
        check(-1)
    # who ends with a file of its own server open waits for that server
    os.close(file)
    return ctypes.c_void_p(page)


def hold(count, act):
    """As many threads in `act`, which none comes back from."""
    threads = [threading.Thread(target=lambda: result(act), daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    return threads
