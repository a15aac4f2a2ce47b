// The small programs in C++. What they do and print: guests/README.md.
// This libc++ has no <fstream> and no <filesystem>: files are POSIX's, in objects that
// close them.
#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

namespace {

using Words = std::vector<std::string>;

[[noreturn]] void fail(const std::string &what)
{
    std::cerr << "tour: " << what << ": " << std::strerror(errno) << '\n';
    std::exit(1);
}

int show_args(const Words &args)
{
    for (size_t i = 0; i < args.size(); i++)
        std::cout << "arg " << i << ": " << args[i] << '\n';
    return 0;
}

int show_env(const Words &)
{
    Words lines;
    for (char **at = environ; *at != nullptr; at++)
        lines.emplace_back(*at);
    std::sort(lines.begin(), lines.end());
    std::copy(lines.begin(), lines.end(), std::ostream_iterator<std::string>(std::cout, "\n"));
    return 0;
}

int copy(const Words &)
{
    std::string input(std::istreambuf_iterator<char>(std::cin), {});
    auto nlines = std::count(input.begin(), input.end(), '\n');
    std::transform(input.begin(), input.end(), input.begin(), [](unsigned char c) { return std::toupper(c); });
    std::cout << input << std::flush;
    std::cerr << input.size() << " bytes, " << nlines << " lines\n";
    return 0;
}

int leave(const Words &args)
{
    int code = args.size() > 2 ? std::atoi(args[2].c_str()) : 0;
    std::cout << "leaving with " << code << '\n';
    std::exit(code);
}

int trap(const Words &)
{
    std::cout << "before" << std::endl;
    std::abort();
}

void say(const char *claim, bool holds)
{
    std::cout << claim << ": " << (holds ? "yes" : "no") << '\n';
}

void sleep_ms(long ms)
{
    timespec span = {.tv_sec = 0, .tv_nsec = ms * 1000000};
    nanosleep(&span, nullptr);
}

int show_clocks(const Words &)
{
    using namespace std::chrono;
    say("after 2020", system_clock::now().time_since_epoch() > seconds(1577836800));
    auto start = steady_clock::now();
    say("never back", steady_clock::now() >= start);
    sleep_ms(20);
    say("slept 20 ms", steady_clock::now() - start >= milliseconds(20));
    return 0;
}

int draw(const Words &)
{
    std::random_device device;
    std::array<unsigned, 8> a, b, none{};
    std::generate(a.begin(), a.end(), std::ref(device));
    std::generate(b.begin(), b.end(), std::ref(device));
    say("draws differ", a != b && a != none);
    return 0;
}

class File {
public:
    File(const std::string &path, int flags) : fd(open(path.c_str(), flags, 0666)) {}
    File(const File &) = delete;
    File &operator=(const File &) = delete;
    ~File() { if (fd >= 0) close(fd); }
    bool is_open() const { return fd >= 0; }
    bool put(const std::string &text) { return write(fd, text.data(), text.size()) == ssize_t(text.size()); }
    bool seek(off_t offset, int whence) { return lseek(fd, offset, whence) >= 0; }
    std::string get(size_t n)
    {
        std::string bytes(n, '\0');
        ssize_t got = read(fd, bytes.data(), n);
        return bytes.substr(0, got < 0 ? 0 : got);
    }

private:
    int fd;
};

std::string explain(int error)
{
    static const std::map<int, std::string> words = {
        {0, "done"}, {ENOENT, "no such file"}, {EEXIST, "exists"}, {ENOTDIR, "not a folder"},
        {EISDIR, "is a folder"}, {ENOTEMPTY, "not empty"},
    };
    auto found = words.find(error);
    return found == words.end() ? std::strerror(error) : found->second;
}

void tell(const char *what, bool worked)
{
    int error = worked ? 0 : errno;
    std::cout << what << ": " << explain(error) << '\n';
}

void write_file(const std::string &path, int flags, const std::string &text)
{
    File file(path, O_WRONLY | flags);
    if (!file.is_open() || !file.put(text))
        fail(path);
}

// What up to n bytes from an offset say, with | for the end of a line.
void show_bytes(const char *what, const std::string &path, off_t offset, int whence, size_t n)
{
    File file(path, O_RDONLY);
    if (!file.is_open() || !file.seek(offset, whence))
        fail(path);
    std::string bytes = file.get(n);
    std::replace(bytes.begin(), bytes.end(), '\n', '|');
    std::replace(bytes.begin(), bytes.end(), '\0', '0');
    std::cout << what << ": " << bytes << '\n';
}

struct stat status(const std::string &path, bool follow)
{
    struct stat found;
    if (fstatat(AT_FDCWD, path.c_str(), &found, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
        fail(path);
    return found;
}

std::string type_of(const std::string &path)
{
    auto mode = status(path, false).st_mode;
    return S_ISDIR(mode) ? "folder" : S_ISLNK(mode) ? "link" : "file";
}

void list(const std::string &path)
{
    std::unique_ptr<DIR, int (*)(DIR *)> dir(opendir(path.c_str()), closedir);
    if (!dir)
        fail(path);
    std::map<std::string, std::string> types;
    while (dirent *entry = readdir(dir.get())) {
        std::string name = entry->d_name;
        if (name != "." && name != "..")
            types[name] = type_of(path + "/" + name);
    }
    std::cout << "list:";
    for (const auto &[name, type] : types)
        std::cout << ' ' << name << " (" << type << ')';
    std::cout << '\n';
}

void write_and_read(const std::string &made)
{
    std::string a = made + "/a.txt";
    tell("make a folder", mkdir(made.c_str(), 0777) == 0);
    tell("again", mkdir(made.c_str(), 0777) == 0);
    write_file(a, O_CREAT | O_TRUNC, "hello\n");
    write_file(a, O_APPEND, "world\n");
    std::cout << "append: " << status(a, true).st_size << " bytes\n";
    show_bytes("read", a, 0, SEEK_SET, 64);
    show_bytes("seek to 6", a, 6, SEEK_SET, 5);
    show_bytes("seek to 4 before the end", a, -4, SEEK_END, 3);
    write_file(a, 0, "J");
    show_bytes("overwrite", a, 0, SEEK_SET, 64);
    if (truncate(a.c_str(), 5) != 0)
        fail(a);
    show_bytes("truncate", a, 0, SEEK_SET, 64);
    if (truncate(a.c_str(), 8) != 0)
        fail(a);
    show_bytes("extend", a, 0, SEEK_SET, 64);
}

void rename_and_refuse(const std::string &made)
{
    std::string a = made + "/a.txt", b = made + "/b.txt";
    struct stat found;
    tell("rename", rename(a.c_str(), b.c_str()) == 0);
    tell("the old name", stat(a.c_str(), &found) == 0);
    tell("create anew", File(b, O_WRONLY | O_CREAT | O_EXCL).is_open());
    tell("open what is not there", File(made + "/none.txt", O_RDONLY).is_open());
    tell("open beneath a file", File(b + "/x", O_RDONLY).is_open());
    tell("write to a folder", File(made, O_WRONLY).is_open());
    std::cout << "outside: " << (File(made + "/../../outside.txt", O_RDONLY).is_open() ? "open" : "refused") << '\n';
    std::cout << "absolute: " << (File("/outside.txt", O_RDONLY).is_open() ? "open" : "refused") << '\n';
}

void fill_and_empty(const std::string &made)
{
    std::string b = made + "/b.txt", sub = made + "/sub", c = sub + "/c.txt", link = made + "/link";
    tell("make a folder in it", mkdir(sub.c_str(), 0777) == 0);
    write_file(c, O_CREAT, "c");
    tell("remove a full folder", rmdir(sub.c_str()) == 0);
    tell("link", symlink("b.txt", link.c_str()) == 0);
    list(made);
    std::array<char, 64> to{};
    if (readlink(link.c_str(), to.data(), to.size() - 1) < 0)
        fail(link);
    std::cout << "the link says: " << to.data() << '\n';
    std::cout << "through the link: " << status(link, true).st_size << " bytes\n";
    tell("remove a file", unlink(c.c_str()) == 0);
    tell("remove it again", unlink(c.c_str()) == 0);
    tell("remove a folder", rmdir(sub.c_str()) == 0);
    timespec times[2] = {{.tv_sec = 1000000000, .tv_nsec = 0}, {.tv_sec = 1000000001, .tv_nsec = 0}};
    if (utimensat(AT_FDCWD, b.c_str(), times, 0) != 0)
        fail(b);
    std::cout << "time: " << status(b, true).st_mtim.tv_sec << '\n';
}

int tour_files(const Words &args)
{
    std::string folder = args.size() > 2 ? args[2] : "";
    show_bytes("seed", folder + "/seed.txt", 0, SEEK_SET, 64);
    write_and_read(folder + "/made");
    rename_and_refuse(folder + "/made");
    fill_and_empty(folder + "/made");
    return 0;
}

} // namespace

int main(int argc, char **argv)
{
    const std::map<std::string, std::function<int(const Words &)>> programs = {
        {"args", show_args}, {"env", show_env}, {"copy", copy}, {"exit", leave}, {"trap", trap},
        {"clock", show_clocks}, {"random", draw}, {"files", tour_files},
    };
    Words args(argv, argv + argc);
    auto found = programs.find(args.size() > 1 ? args[1] : "");
    if (found != programs.end())
        return found->second(args);
    std::cerr << "usage: tour args|env|copy|exit N|trap|clock|random|files FOLDER\n";
    return 2;
}
