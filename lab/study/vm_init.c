/* vm_init.c - the first program of the virtual machine: loads the kernel's modules of
 * virtio's network in the order of the list /modules, gives the machine its address and
 * becomes the server; with probe=1 on the kernel's command line, the machine ends at once.
 * WORKERS is defined by who compiles it. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void load_modules(void)
{
    char path[256];
    FILE *list = fopen("/modules", "r");
    while (list && fscanf(list, "%255s", path) == 1) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (syscall(SYS_finit_module, fd, "", 0) != 0)
            perror(path);
        close(fd);
    }
    if (list)
        fclose(list);
}

static void set_address(const char *device, const char *address, const char *mask)
{
    struct ifreq r = {0};
    struct sockaddr_in *at = (struct sockaddr_in *)&r.ifr_addr;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", device);
    at->sin_family = AF_INET;
    inet_pton(AF_INET, address, &at->sin_addr);
    if (ioctl(fd, SIOCSIFADDR, &r) != 0)
        perror(device);
    inet_pton(AF_INET, mask, &at->sin_addr);
    ioctl(fd, SIOCSIFNETMASK, &r);
    r.ifr_flags = IFF_UP | IFF_RUNNING;
    ioctl(fd, SIOCSIFFLAGS, &r);
    close(fd);
}

int main(void)
{
    if (getenv("probe"))
        reboot(RB_AUTOBOOT);
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    load_modules();
    set_address("lo", "127.0.0.1", "255.0.0.0");
    set_address("eth0", "10.204.0.2", "255.255.255.0");
    execl("/server", "/server", "0.0.0.0", "8080", WORKERS, (char *)NULL);
    perror("/server");
    reboot(RB_AUTOBOOT);
    return 1;
}
