/* Asks statfs as a 32-bit program does, without a C library: a line for each call, the call's name, what
 * it returned and the words of the buffer, in hexadecimal. Words behind what was written are cccccccc. */

typedef unsigned int u32;

static int call(u32 nr, u32 a, u32 b, u32 c)
{
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}

static char line[1024];
static int end;

static void put(const char *text)
{
    while (*text)
        line[end++] = *text++;
}

static void put_word(u32 word)
{
    for (int shift = 28; shift >= 0; shift -= 4)
        line[end++] = "0123456789abcdef"[word >> shift & 15];
    line[end++] = ' ';
}

static u32 buffer[24];

static void ask(const char *name, u32 nr, u32 subject, int size)
{
    for (int at = 0; at < 24; at++)
        buffer[at] = 0xcccccccc;
    int result = size < 0 ? call(nr, subject, (u32)buffer, 0) : call(nr, subject, size, (u32)buffer);
    end = 0;
    put(name);
    put("\t");
    put_word(result);
    for (int at = 0; at < 24; at++)
        put_word(buffer[at]);
    put("\n");
    call(4, 1, (u32)line, end);
}

void _start(void)
{
    u32 fd = call(5, (u32)"/sys/class", 0, 0);
    ask("statfs", 99, (u32)"/sys", -1);
    ask("fstatfs", 100, fd, -1);
    ask("statfs64", 268, (u32)"/sys", 84);
    ask("fstatfs64", 269, fd, 84);
    ask("statfs64 of a wrong size", 268, (u32)"/sys", 88);
    ask("statfs of proc", 99, (u32)"/proc", -1);
    ask("statfs64 of proc", 268, (u32)"/proc", 84);
    ask("statfs of nothing", 99, (u32)"/nothing", -1);
    call(1, 0, 0, 0);
}
