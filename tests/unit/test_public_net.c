/* Which addresses may be reached when somebody else chose them. */
#include "bot/net/public_net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool is_public(const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        return net_is_public((const struct sockaddr *)&in);
    assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    return net_is_public((const struct sockaddr *)&in6);
}

static void only_the_public_internet_is_public(void **state)
{
    static const char *const inside[] = {
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fdff::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2001:db8::1",
        "3fff::1",
        "3fff:fff:ffff::1",
        "2001::1",
        "::127.0.0.1",
        "64:ff9b:1::1",
    };
    static const char *const outside[] = {
        "1.1.1.1",         "8.8.8.8",      "9.255.255.255",   "11.0.0.0",
        "100.63.255.255",  "100.128.0.0",  "126.255.255.255", "128.0.0.1",
        "172.15.0.1",      "172.32.0.1",   "192.167.255.255", "198.17.255.255",
        "223.255.255.255", "2606:4700::1", "2a00:1450::1",    "::ffff:8.8.8.8",
        "2002:808:808::",  "3fff:1000::1"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(inside); i++) {
        if (is_public(inside[i]))
            fail_msg("%s passes for public", inside[i]);
    }
    for (size_t i = 0; i < COUNTOF(outside); i++) {
        if (!is_public(outside[i]))
            fail_msg("%s does not pass for public", outside[i]);
    }
}

static void other_families_are_not(void **state)
{
    struct sockaddr local = {.sa_family = AF_UNIX};

    (void)state;
    assert_false(net_is_public(&local));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_public_internet_is_public),
        cmocka_unit_test(other_families_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
