/* Many callers on one core: each sends 20 ms of G.711 fifty times a second and counts what comes back.
 *
 * `generator FIRST COUNT TALKERS` has callers on FIRST, FIRST+2, ... of 127.0.0.1 and reads lines `CALLER PORT`: from
 * then on that caller talks with that port of 127.0.0.1, with none if it is 0. Callers below TALKERS speak (a voice-like
 * buzz), the others send a quiet line. The callers' phases are spread over the 20 ms, in steps of one. Audio that comes
 * back untouched is recognised by the time that each packet carries, which against the kernel's time of its arrival
 * gives its delay. What is lost is counted stream by stream (by SSRC). Goes on until it is ended; on each SIGUSR1 it
 * prints one JSON line about the time since the one before. */
#include "common.h"
#include <math.h>
#include <pthread.h>
#include <signal.h>

#define PHASES 20
#define PAYLOAD 160
#define LOOP 32000 /* samples of voice: 4 s */
#define STAMP 0x54524b4c
#define DELAYS 2000 /* tenths of a millisecond */

struct stamp { uint32_t magic; int64_t sent; } __attribute__((packed));

static uint8_t voice[LOOP + PAYLOAD], hush[LOOP + PAYLOAD];
static int64_t delays[DELAYS + 1];

static uint8_t ulaw(int sample)
{
    int sign = sample < 0 ? 0x80 : 0, magnitude = abs(sample), exponent = 7;
    magnitude = (magnitude > 32635 ? 32635 : magnitude) + 132;
    while (exponent && !(magnitude & (0x80 << exponent)))
        exponent--;
    return ~(sign | exponent << 4 | (magnitude >> (exponent + 3) & 15));
}

static void make_voice(void)
{
    for (int i = 0; i < LOOP + PAYLOAD; i++) {
        double t = (i % LOOP) / 8000.0, wave = 0, loud = 0.5 + 0.5 * sin(2 * M_PI * 3 * t);
        for (int harmonic = 1; harmonic <= 20; harmonic++)
            wave += sin(2 * M_PI * 130 * harmonic * t + harmonic * harmonic) / harmonic;
        voice[i] = ulaw((int)(4000 * loud * wave));
        hush[i] = ulaw(rand() % 17 - 8);
    }
}

struct caller {
    int fd, far, fresh, offset, heard;
    uint16_t sequence, next;
    uint32_t timestamp, ssrc;
    int64_t lost, received;
};

static void speak(struct caller *one, int number, int talkers, int64_t at)
{
    uint8_t packet[12 + PAYLOAD] = {0x80, 0};
    uint16_t sequence = htons(one->sequence++);
    uint32_t timestamp = htonl(one->timestamp), ssrc = htonl(0x10000 + number);
    memcpy(packet + 2, &sequence, 2);
    memcpy(packet + 4, &timestamp, 4);
    memcpy(packet + 8, &ssrc, 4);
    memcpy(packet + 12, (number < talkers ? voice : hush) + one->offset, PAYLOAD);
    struct stamp stamp = {STAMP, at};
    memcpy(packet + 12, &stamp, sizeof stamp);
    one->timestamp += PAYLOAD;
    one->offset = (one->offset + PAYLOAD) % LOOP;
    send(one->fd, packet, sizeof packet, 0);
}

static int64_t wall(void)
{
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void count_delay(struct msghdr *message, int64_t sent)
{
    struct cmsghdr *head = CMSG_FIRSTHDR(message);
    if (!head || head->cmsg_type != SCM_TIMESTAMPNS)
        return;
    struct timespec at;
    memcpy(&at, CMSG_DATA(head), sizeof at);
    int64_t tenths = (at.tv_sec * 1000000000LL + at.tv_nsec - sent) / 100000;
    delays[tenths < 0 ? 0 : tenths > DELAYS ? DELAYS : tenths]++;
}

static void listen_to(struct caller *one)
{
    uint8_t packet[512], control[64];
    struct iovec place = {packet, sizeof packet};
    for (;;) {
        struct msghdr message = {.msg_iov = &place, .msg_iovlen = 1, .msg_control = control, .msg_controllen = 64};
        ssize_t length = recvmsg(one->fd, &message, 0);
        if (length < 0)
            break;
        if (length < 12)
            continue;
        uint16_t sequence;
        uint32_t ssrc;
        memcpy(&sequence, packet + 2, 2);
        memcpy(&ssrc, packet + 8, 4);
        sequence = ntohs(sequence);
        if (one->heard && one->ssrc == ssrc)
            one->lost += (int16_t)(sequence - one->next);
        one->heard = 1;
        one->ssrc = ssrc;
        one->next = sequence + 1;
        one->received++;
        struct stamp stamp;
        memcpy(&stamp, packet + 12, sizeof stamp);
        if (length >= 12 + PAYLOAD && stamp.magic == STAMP)
            count_delay(&message, stamp.sent);
    }
}

/* What is left of the talk before is not counted. */
static void begin(struct caller *one)
{
    uint8_t packet[512];
    while (recv(one->fd, packet, sizeof packet, 0) >= 0)
        ;
    one->fresh = one->heard = 0;
}

static double delay_at(double share)
{
    int64_t all = 0, sum = 0;
    for (int i = 0; i <= DELAYS; i++)
        all += delays[i];
    if (!all)
        return -1;
    for (int i = 0; i <= DELAYS; i++)
        if ((sum += delays[i]) >= share * all)
            return (i + 1) / 10.0;
    return -1;
}

static volatile sig_atomic_t asked;

static void ask(int signal)
{
    (void)signal;
    asked = 1;
}

static int64_t sent, late;
static struct caller *callers;
static int count;

static void tell(void)
{
    int64_t received = 0, lost = 0;
    int unheard = 0;
    for (int i = 0; i < count; i++) {
        struct caller *one = &callers[i];
        received += one->received, lost += one->lost, unheard += !one->received;
        one->received = one->lost = 0;
    }
    printf("{\"sent\": %lld, \"received\": %lld, \"lost\": %lld, \"unheard\": %d, \"delay_ms_p50\": %.1f, "
           "\"delay_ms_p99\": %.1f, \"generator_late_ms\": %.1f}\n",
           (long long)sent, (long long)received, (long long)lost, unheard, delay_at(0.5), delay_at(0.99), late / 1e6);
    fflush(stdout);
    memset(delays, 0, sizeof delays);
    sent = late = asked = 0;
}

/* Callers that are told whom to talk with, as long as the input goes on. */
static void *direct(void *nothing)
{
    int caller, far;
    while (scanf("%d %d", &caller, &far) == 2) {
        if (caller < 0 || caller >= count)
            continue;
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(far)};
        struct caller *one = &callers[caller];
        one->far = 0;
        if (far && connect(one->fd, (struct sockaddr *)&to, sizeof to) == 0) {
            one->fresh = 1;
            one->far = far;
        }
    }
    return nothing;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return fprintf(stderr, "generator FIRST COUNT TALKERS\n"), 2;
    int first = atoi(argv[1]), talkers = atoi(argv[3]), on = 1;
    count = atoi(argv[2]);
    callers = calloc(count, sizeof *callers);
    make_voice();
    for (int i = 0; i < count; i++) {
        callers[i].fd = bound(first + 2 * i);
        setsockopt(callers[i].fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
        callers[i].offset = i * 977 % LOOP;
        callers[i].sequence = i;
        callers[i].timestamp = i * 7919;
    }
    signal(SIGUSR1, ask);
    pthread_t director;
    pthread_create(&director, NULL, direct, NULL);
    puts("ready");
    fflush(stdout);
    int64_t due = now();
    for (int phase = 0;; phase = (phase + 1) % PHASES, due += TICK / PHASES) {
        sleep_until(due);
        if (now() - due > 50 * TICK)
            due = now(); /* it was stopped for a while */
        if (now() - due > late)
            late = now() - due;
        for (int i = phase; i < count; i += PHASES) {
            if (!callers[i].far)
                continue;
            if (callers[i].fresh)
                begin(&callers[i]);
            speak(&callers[i], i, talkers, wall());
            sent++;
            listen_to(&callers[i]);
        }
        if (asked)
            tell();
    }
}
