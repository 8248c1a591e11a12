#include "tests/sandbox/smtp_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#define DAYS 400L /* before and after: time may have passed faster here than for a caller */

struct tls {
    SSL *ssl; /* owns both */
    BIO *in, *out;
};

static SSL_CTX *context;

/* --- the certificate ---------------------------------------------------------------------- */

static bool add_extension(X509 *cert, int what, const char *value)
{
    X509V3_CTX about;
    X509V3_set_ctx_nodb(&about);
    X509V3_set_ctx(&about, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &about, what, value);
    bool added = extension && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static bool fill(X509 *cert, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(cert);
    return X509_set_version(cert, 2) == 1 &&
           ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(cert), -DAYS * 24 * 3600) &&
           X509_gmtime_adj(X509_getm_notAfter(cert), DAYS * 24 * 3600) &&
           X509_set_pubkey(cert, key) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      (const unsigned char *)"localhost", -1, -1, 0) == 1 &&
           X509_set_issuer_name(cert, name) == 1 &&
           add_extension(cert, NID_basic_constraints, "critical,CA:TRUE") &&
           add_extension(cert, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1") &&
           X509_sign(cert, key, EVP_sha256()) > 0;
}

static bool write_to(const char *path, X509 *cert)
{
    FILE *file = fopen(path, "w");
    bool written = file && PEM_write_X509(file, cert) == 1;
    return file && fclose(file) == 0 && written;
}

bool tls_make(const char *path, struct err *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    context = SSL_CTX_new(TLS_server_method());
    bool made = key && cert && context && fill(cert, key) &&
                SSL_CTX_use_certificate(context, cert) == 1 &&
                SSL_CTX_use_PrivateKey(context, key) == 1 && write_to(path, cert);
    X509_free(cert);
    EVP_PKEY_free(key);
    return made || err_raise(err, ERR_REJECT, "--smtp-cert: %s cannot be made", path);
}

void tls_forget(void)
{
    SSL_CTX_free(context);
    context = NULL;
}

/* --- a connection ------------------------------------------------------------------------- */

struct tls *tls_open(void)
{
    struct tls *tls = calloc(1, sizeof(*tls));
    if (!tls || !(tls->ssl = SSL_new(context)) || !(tls->in = BIO_new(BIO_s_mem())) ||
        !(tls->out = BIO_new(BIO_s_mem())))
        abort();
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    SSL_set_accept_state(tls->ssl);
    return tls;
}

void tls_close(struct tls *tls)
{
    if (tls)
        SSL_free(tls->ssl);
    free(tls);
}

void tls_feed(struct tls *tls, const char *bytes, size_t n)
{
    if (BIO_write(tls->in, bytes, (int)n) != (int)n)
        abort(); /* memory takes all */
}

int tls_read(struct tls *tls, char *into, size_t room)
{
    ERR_clear_error();
    int n = SSL_read(tls->ssl, into, (int)room);
    if (n > 0)
        return n;
    int why = SSL_get_error(tls->ssl, n);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

void tls_say(struct tls *tls, struct str words)
{
    ERR_clear_error();
    (void)SSL_write(tls->ssl, words.at, (int)words.len);
}

size_t tls_pull(struct tls *tls, char *into, size_t room)
{
    int n = BIO_read(tls->out, into, (int)room);
    return n > 0 ? (size_t)n : 0;
}
