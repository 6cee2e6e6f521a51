// make_self_signed: an ECDSA P-256 certificate for a machine without one.
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstdio>
#include <memory>

#include "base/try.h"
#include "core/replace_file.h"
#include "http/tls.h"

namespace riacho::http {
namespace {

template <auto Free>
struct Deleter {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;

constexpr std::int64_t lifetime_days = 3650;

bool is_address(const std::string& name) {
    std::unique_ptr<ASN1_OCTET_STRING, Deleter<ASN1_OCTET_STRING_free>> address(a2i_IPADDRESS(name.c_str()));
    return address != nullptr;
}

// Names come from the machine or its administrator; a name that would start another SAN entry is left out.
bool is_plain_name(const std::string& name) {
    return !name.empty() && name.find_first_of(",:;= \t\r\n") == std::string::npos;
}

std::string alternative_names(std::span<const std::string> host_names) {
    std::string names = "IP:127.0.0.1,IP:::1,DNS:localhost";
    for (const std::string& name : host_names) {
        if (name == "localhost" || name == "127.0.0.1" || name == "::1") continue;
        if (is_address(name)) {
            names += ",IP:" + name;
        } else if (is_plain_name(name)) {
            names += ",DNS:" + name;
        }
    }
    return names;
}

bool add_extension(X509* certificate, int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, &context, nid, value));
    return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_serial(X509* certificate) {
    std::array<unsigned char, 16> bytes{};
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return false;
    bytes[0] &= 0x7F;
    std::unique_ptr<BIGNUM, Deleter<BN_free>> number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
    return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

Certificate make_certificate(EVP_PKEY* key, std::span<const std::string> host_names, std::int64_t not_before_s) {
    Certificate certificate(X509_new());
    X509* x = certificate.get();
    if (x == nullptr) return nullptr;
    X509_NAME* name = X509_get_subject_name(x);
    const auto* common_name = reinterpret_cast<const unsigned char*>("riacho self-signed");
    const std::int64_t not_after_s = not_before_s + lifetime_days * 86'400;
    const bool made = X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
                      ASN1_TIME_set(X509_getm_notBefore(x), not_before_s) != nullptr &&
                      ASN1_TIME_set(X509_getm_notAfter(x), not_after_s) != nullptr && X509_set_pubkey(x, key) == 1 &&
                      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1 &&
                      X509_set_issuer_name(x, name) == 1 &&
                      add_extension(x, NID_subject_alt_name, alternative_names(host_names).c_str()) &&
                      // Not a CA certificate: some clients refuse one as a server's certificate, and all clients accept
                      // this file in their trust store either way.
                      add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
                      add_extension(x, NID_key_usage, "critical,digitalSignature") &&
                      add_extension(x, NID_ext_key_usage, "serverAuth") &&
                      add_extension(x, NID_subject_key_identifier, "hash") && X509_sign(x, key, EVP_sha256()) > 0;
    return made ? std::move(certificate) : nullptr;
}

Expected<void, TlsError> write_whole(const std::string& path, BIO* pem, unsigned mode) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(pem, &data);
    const auto written = core::replace_file(path, {data, static_cast<std::size_t>(size)}, {.mode = mode});
    if (!written) return fail(TlsError{"cannot write " + path + ": " + written.error().describe()});
    return {};
}

}  // namespace

Expected<void, TlsError> make_self_signed(const TlsOptions& paths, std::span<const std::string> host_names,
                                          std::int64_t not_before_s) {
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate = key ? make_certificate(key.get(), host_names, not_before_s) : nullptr;
    const Bio key_pem(BIO_new(BIO_s_mem()));
    const Bio cert_pem(BIO_new(BIO_s_mem()));
    if (!certificate || !key_pem || !cert_pem ||
        PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
        PEM_write_bio_X509(cert_pem.get(), certificate.get()) != 1) {
        return fail(TlsError{"cannot make a self-signed certificate"});
    }
    TRY_VOID(write_whole(paths.key_path, key_pem.get(), 0600));
    return write_whole(paths.cert_path, cert_pem.get(), 0644);
}

}  // namespace riacho::http
