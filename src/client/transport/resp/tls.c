/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS with OpenSSL, or the sentence that says that there is none. */
#include "client/transport/resp/tls.h"

#ifdef WEIR_HAVE_OPENSSL

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include "base/alloc.h"

struct wr_tls_context {
    SSL_CTX *ssl;
    BIO_METHOD *method; /* a socket's, but without SIGPIPE */
    bool verify;
};

struct wr_tls {
    SSL *ssl;
};

/* ---- a socket as a BIO: OpenSSL's own raises SIGPIPE ---- */

static int fd_of(BIO *b)
{
    return (int)(intptr_t)BIO_get_data(b);
}

static int bio_done(BIO *b, ssize_t n, int retry)
{
    BIO_clear_retry_flags(b);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        BIO_set_flags(b, retry | BIO_FLAGS_SHOULD_RETRY);
    return (int)n;
}

static int bio_read(BIO *b, char *p, int n)
{
    return bio_done(b, recv(fd_of(b), p, (size_t)n, MSG_DONTWAIT), BIO_FLAGS_READ);
}

static int bio_write(BIO *b, const char *p, int n)
{
    return bio_done(b, send(fd_of(b), p, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT),
                    BIO_FLAGS_WRITE);
}

static long bio_ctrl(BIO *b, int command, long n, void *p)
{
    (void)b;
    (void)n;
    (void)p;
    return command == BIO_CTRL_FLUSH; /* nothing is kept here */
}

/* ---- context ---- */

static weir_status ssl_fail(weir_error *err, weir_status st, const char *what,
                            const char *object)
{
    char text[200] = "no reason given";
    unsigned long e = ERR_get_error();
    if (e != 0)
        ERR_error_string_n(e, text, sizeof text);
    ERR_clear_error();
    return weir_fail(err, st, "TLS: %s '%s': %s", what, object, text);
}

static weir_status trust(wr_tls_context *t, const wr_address *a, weir_error *err)
{
    SSL_CTX_set_verify(t->ssl, a->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (a->ca == NULL)
        return SSL_CTX_set_default_verify_paths(t->ssl) == 1
                   ? WEIR_OK
                   : ssl_fail(err, WEIR_ERR_IO, "the system's certificates", "");
    if (SSL_CTX_load_verify_locations(t->ssl, a->ca, NULL) != 1)
        return ssl_fail(err, WEIR_ERR_IO, "the file of authorities", a->ca);
    return WEIR_OK;
}

static weir_status identify(wr_tls_context *t, const wr_address *a, weir_error *err)
{
    if (a->cert == NULL && a->key == NULL)
        return WEIR_OK;
    if (a->cert == NULL || a->key == NULL)
        return weir_fail(err, WEIR_ERR_ARG,
                         "TLS: a certificate and its key go together; %s is missing",
                         a->cert == NULL ? "'cert'" : "'key'");
    if (SSL_CTX_use_certificate_chain_file(t->ssl, a->cert) != 1)
        return ssl_fail(err, WEIR_ERR_IO, "the certificate", a->cert);
    if (SSL_CTX_use_PrivateKey_file(t->ssl, a->key, SSL_FILETYPE_PEM) != 1)
        return ssl_fail(err, WEIR_ERR_IO, "the key", a->key);
    return WEIR_OK;
}

static BIO_METHOD *new_method(void)
{
    BIO_METHOD *m =
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir socket");
    if (m != NULL) {
        BIO_meth_set_read(m, bio_read);
        BIO_meth_set_write(m, bio_write);
        BIO_meth_set_ctrl(m, bio_ctrl);
    }
    return m;
}

weir_status wr_tls_context_new(wr_tls_context **out, const wr_address *a, weir_error *err)
{
    wr_tls_context *t = wr_calloc(1, sizeof *t);
    weir_status st = WEIR_OK;
    if (t == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory for TLS");
    t->verify = a->verify;
    t->ssl = SSL_CTX_new(TLS_client_method());
    t->method = new_method();
    if (t->ssl == NULL || t->method == NULL ||
        SSL_CTX_set_min_proto_version(t->ssl, TLS1_2_VERSION) != 1)
        st = ssl_fail(err, WEIR_ERR_NOMEM, "OpenSSL could not be set up", "");
    if (st == WEIR_OK) {
        SSL_CTX_set_mode(t->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        st = trust(t, a, err);
    }
    if (st == WEIR_OK)
        st = identify(t, a, err);
    if (st == WEIR_OK)
        *out = t;
    else
        wr_tls_context_free(t);
    return st;
}

void wr_tls_context_free(wr_tls_context *t)
{
    if (t == NULL)
        return;
    SSL_CTX_free(t->ssl);
    BIO_meth_free(t->method);
    wr_free(t);
}

/* ---- connection ---- */

/* The certificate must be for this name, or this number. */
static bool expect_host(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *p = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(p, host) == 1)
        return true;
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

weir_status wr_tls_new(wr_tls **out, wr_tls_context *t, int fd, const char *host,
                       weir_error *err)
{
    wr_tls *s = wr_calloc(1, sizeof *s);
    BIO *bio = BIO_new(t->method);
    if (s != NULL)
        s->ssl = SSL_new(t->ssl);
    if (s == NULL || s->ssl == NULL || bio == NULL) {
        BIO_free(bio);
        wr_tls_free(s);
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory for TLS");
    }
    BIO_set_data(bio, (void *)(intptr_t)fd);
    BIO_set_init(bio, 1);
    SSL_set_bio(s->ssl, bio, bio);
    SSL_set_connect_state(s->ssl);
    if (t->verify && !expect_host(s->ssl, host)) {
        wr_tls_free(s);
        return ssl_fail(err, WEIR_ERR_ARG, "the server's name", host);
    }
    *out = s;
    return WEIR_OK;
}

void wr_tls_free(wr_tls *t)
{
    if (t == NULL)
        return;
    SSL_free(t->ssl);
    wr_free(t);
}

static int wants(wr_tls *t, int rc)
{
    switch (SSL_get_error(t->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        return WR_TLS_WANTS_READ;
    case SSL_ERROR_WANT_WRITE:
        return WR_TLS_WANTS_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        return WR_TLS_CLOSED;
    }
}

int wr_tls_handshake(wr_tls *t, weir_error *err)
{
    ERR_clear_error();
    int rc = SSL_do_handshake(t->ssl);
    if (rc == 1)
        return 1;
    rc = wants(t, rc);
    if (rc == WR_TLS_WANTS_READ || rc == WR_TLS_WANTS_WRITE)
        return rc;
    long verdict = SSL_get_verify_result(t->ssl);
    ssl_fail(err, WEIR_ERR_CLOSED, "no agreement with the server",
             verdict == X509_V_OK ? "is TLS on at that port?"
                                  : X509_verify_cert_error_string(verdict));
    return WR_TLS_CLOSED;
}

ssize_t wr_tls_read(wr_tls *t, void *p, size_t n)
{
    size_t got = 0;
    ERR_clear_error();
    int rc = SSL_read_ex(t->ssl, p, n, &got);
    return rc == 1 ? (ssize_t)got : wants(t, rc);
}

ssize_t wr_tls_write(wr_tls *t, const void *p, size_t n)
{
    size_t sent = 0;
    ERR_clear_error();
    int rc = SSL_write_ex(t->ssl, p, n, &sent);
    if (rc == 1)
        return (ssize_t)sent;
    rc = wants(t, rc);
    return rc == 0 ? WR_TLS_CLOSED : rc;
}

bool wr_tls_has_more(const wr_tls *t)
{
    return SSL_has_pending(t->ssl) == 1;
}

#else

weir_status wr_tls_context_new(wr_tls_context **out, const wr_address *a, weir_error *err)
{
    (void)out;
    (void)a;
    return weir_fail(
        err, WEIR_ERR_UNSUPPORTED,
        "this Weir was built without TLS: install OpenSSL's headers (libssl-dev) "
        "and build again, or use redis: over a network that you trust");
}

void wr_tls_context_free(wr_tls_context *t)
{
    (void)t;
}

weir_status wr_tls_new(wr_tls **out, wr_tls_context *t, int fd, const char *host,
                       weir_error *err)
{
    (void)t;
    (void)fd;
    (void)host;
    return wr_tls_context_new((wr_tls_context **)out, NULL, err);
}

void wr_tls_free(wr_tls *t)
{
    (void)t;
}

int wr_tls_handshake(wr_tls *t, weir_error *err)
{
    (void)t;
    (void)err;
    return WR_TLS_CLOSED;
}

ssize_t wr_tls_read(wr_tls *t, void *p, size_t n)
{
    (void)t;
    (void)p;
    (void)n;
    return WR_TLS_CLOSED;
}

ssize_t wr_tls_write(wr_tls *t, const void *p, size_t n)
{
    (void)t;
    (void)p;
    (void)n;
    return WR_TLS_CLOSED;
}

bool wr_tls_has_more(const wr_tls *t)
{
    (void)t;
    return false;
}

#endif
