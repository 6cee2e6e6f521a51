#include "server/welcome.h"

#include <algorithm>

#include "base/text.h"
#include "core/task.h"

namespace riacho::server {
namespace {

constexpr std::string_view style = R"(
body { margin: 3rem auto; max-width: 52rem; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }
h1 { margin-bottom: 0; } h2 { margin-top: 2rem; font-size: 1.1rem; } header p { margin-top: .25rem; opacity: .7; }
pre { padding: .8rem 1rem; border: 1px solid #8886; border-radius: .4rem; background: #8881; overflow-x: auto; }
code { font: .9rem/1.5 ui-monospace, monospace; } footer { margin-top: 2.5rem; font-size: .9rem; opacity: .8; }
:root { color-scheme: light dark; }
)";

// Of the texts below, $ENDPOINT, $REGION, $KEY and $SECRET are replaced; $NOTES by those that apply.
constexpr std::string_view page_english = R"(<header>
<h1>riacho is running</h1>
<p>Amazon Kinesis that you run yourself</p>
</header>
<p>This port serves <b>Data Streams, Data Firehose, Data Analytics for SQL</b> and <b>Video Streams</b> to AWS
clients: boto3, the AWS CLI, the SDKs. They need nothing but this address, <code>$ENDPOINT</code>; this page only shows
how to begin.</p>
$NOTES<h2>In a terminal</h2>
<pre><code>export AWS_ACCESS_KEY_ID=$KEY AWS_SECRET_ACCESS_KEY=$SECRET
export AWS_DEFAULT_REGION=$REGION
aws --endpoint-url $ENDPOINT kinesis create-stream \
    --stream-name vendedores --shard-count 1
aws --endpoint-url $ENDPOINT kinesis list-streams</code></pre>
<h2>In Python</h2>
<pre><code>import boto3
kinesis = boto3.client("kinesis", region_name="$REGION",
                       endpoint_url="$ENDPOINT",
                       aws_access_key_id="$KEY", aws_secret_access_key="$SECRET")
print(kinesis.list_streams()["StreamNames"])</code></pre>
<h2>What else there is</h2>
<ul>
<li>the notebooks of the tutorial: <code>make notebooks</code> in the project's folder</li>
<li>records as they come, in a terminal: <code>riacho tail vendedores --follow</code>; in the project's folder it is
<code>build/riacho</code></li>
<li>if there is no <code>aws</code>: <code>.venv/bin/pip install awscli</code> in the project's folder, then
<code>.venv/bin/aws</code></li>
<li><a href="/health">the state of this server</a> and <a href="/metrics">its metrics</a>, for Prometheus</li>
<li>operating it, clients, differences from AWS: <code>docs/</code> in the project's folder</li>
</ul>
<footer><a href="/?lang=pt" hreflang="pt-BR" lang="pt-BR">Em português</a></footer>
)";
constexpr std::string_view keys_english =
    R"(<p><b>Signatures are verified here.</b> Make keys with <code>riacho user add NAME</code> and put them in the
place of <code>$KEY</code> and <code>$SECRET</code>.</p>
)";
constexpr std::string_view tls_english =
    R"(<p>Unless the certificate is one that clients know, tell them of it: <code>export AWS_CA_BUNDLE=FILE</code>; the
one that riacho makes is <code>tls-cert.pem</code> in its data directory.</p>
)";

constexpr std::string_view page_portuguese = R"(<header>
<h1>O riacho está no ar</h1>
<p>O Amazon Kinesis na sua própria máquina</p>
</header>
<p>Os clientes da AWS (boto3, AWS CLI, SDKs) encontram nesta porta o <b>Data Streams</b>, o <b>Data Firehose</b>, o
<b>Data Analytics para SQL</b> e o <b>Video Streams</b>. Eles só precisam deste endereço, <code>$ENDPOINT</code>; esta
página só mostra como começar.</p>
$NOTES<h2>No terminal</h2>
<pre><code>export AWS_ACCESS_KEY_ID=$KEY AWS_SECRET_ACCESS_KEY=$SECRET
export AWS_DEFAULT_REGION=$REGION
aws --endpoint-url $ENDPOINT kinesis create-stream \
    --stream-name vendedores --shard-count 1
aws --endpoint-url $ENDPOINT kinesis list-streams</code></pre>
<h2>Em Python</h2>
<pre><code>import boto3
kinesis = boto3.client("kinesis", region_name="$REGION",
                       endpoint_url="$ENDPOINT",
                       aws_access_key_id="$KEY", aws_secret_access_key="$SECRET")
print(kinesis.list_streams()["StreamNames"])</code></pre>
<h2>E mais</h2>
<ul>
<li>os notebooks do tutorial: <code>make notebooks</code> na pasta do projeto</li>
<li>os registros à medida que chegam, no terminal: <code>riacho tail vendedores --follow</code>; na pasta do projeto, o
comando é <code>build/riacho</code></li>
<li>se não houver <code>aws</code>: <code>.venv/bin/pip install awscli</code> na pasta do projeto e, depois,
<code>.venv/bin/aws</code></li>
<li><a href="/health">o estado deste servidor</a> e <a href="/metrics">as métricas dele</a>, para o Prometheus</li>
<li>operação, clientes, diferenças em relação à AWS: <code>docs/</code> na pasta do projeto (em inglês)</li>
</ul>
<footer><a href="/?lang=en" hreflang="en" lang="en">In English</a></footer>
)";
constexpr std::string_view keys_portuguese =
    R"(<p><b>Este servidor confere as assinaturas.</b> Crie as chaves com <code>riacho user add NOME</code> e use-as no
lugar de <code>$KEY</code> e <code>$SECRET</code>.</p>
)";
constexpr std::string_view tls_portuguese =
    R"(<p>Se os clientes não conhecem o certificado, informe qual é: <code>export AWS_CA_BUNDLE=ARQUIVO</code>; o que
o riacho cria é o <code>tls-cert.pem</code> do diretório de dados.</p>
)";

struct Texts {
    std::string_view tag, page, keys, tls, key, secret;
};
constexpr Texts english{"en", page_english, keys_english, tls_english, "my-key", "my-secret"};
constexpr Texts portuguese{"pt-BR", page_portuguese, keys_portuguese, tls_portuguese, "minha-chave", "meu-segredo"};

void replace_all(std::string& text, std::string_view from, std::string_view to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
}

// Calls visit(name, weight) for each element of a list such as "pt-BR,pt;q=0.9, en;q=0.8", without parameters but q.
// weight: 0 to 1000; an invalid one counts as 0.
void for_each_element(std::string_view list, const auto& visit) {
    while (!list.empty()) {
        std::string_view element = list.substr(0, list.find(','));
        list.remove_prefix(std::min(element.size() + 1, list.size()));
        const std::string_view name = trimmed(element.substr(0, element.find(';')));
        int weight = 1000;
        while (element.contains(';')) {
            element.remove_prefix(element.find(';') + 1);
            const std::string_view parameter = trimmed(element.substr(0, element.find(';')));
            if (parameter.size() < 3 || to_lower(parameter[0]) != 'q' || parameter[1] != '=') continue;
            weight = parameter[2] == '1' ? 1000 : 0;
            int unit = 100;
            for (std::size_t i = 4; i < parameter.size() && weight < 1000; ++i, unit /= 10) {
                if (parameter[i] >= '0' && parameter[i] <= '9') weight += (parameter[i] - '0') * unit;
            }
        }
        visit(name, weight);
    }
}

bool names_operation_or_signature(const http::Request& request) {
    return std::ranges::any_of(request.headers(), [](const http::HeaderField& field) {
        return equal_ignoring_case(field.name, "authorization") ||
               equal_ignoring_case(field.name.substr(0, std::string_view("x-amz-").size()), "x-amz-");
    });
}

bool asks_for_page(const http::Request& request) {
    if (request.method() != "GET" && request.method() != "HEAD") return false;
    const std::string_view query = request.query();
    if (!query.empty() && query != "lang=en" && query != "lang=pt") return false;
    return accepts_html(request.find("accept").value_or("")) && !names_operation_or_signature(request);
}

// The address under which the browser has reached the server. The host is the client's text: nothing that means
// something to HTML or to a shell gets into the page.
std::string endpoint_of(const http::Request& request) {
    const auto is_plain = [](char c) {
        return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z') ||
               std::string_view(".-_:[]").contains(c);
    };
    const std::string_view host = request.authority();
    const bool plain = !host.empty() && std::ranges::all_of(host, is_plain);
    return std::string(request.secure() ? "https://" : "http://").append(plain ? host : "127.0.0.1:4566");
}

std::string page_text(const http::Request& request, const Texts& texts, const WelcomeOptions& options) {
    std::string body(texts.page);
    std::string notes;
    if (options.needs_keys) notes += texts.keys;
    if (request.secure()) notes += texts.tls;
    replace_all(body, "$NOTES", notes);
    replace_all(body, "$ENDPOINT", endpoint_of(request));
    replace_all(body, "$REGION", options.region);
    replace_all(body, "$KEY", texts.key);
    replace_all(body, "$SECRET", texts.secret);
    std::string html = "<!doctype html>\n<html lang=\"";
    html.append(texts.tag).append("\">\n<meta charset=\"utf-8\">\n<title>riacho</title>\n");
    html.append(
        "<meta name=\"viewport\" content=\"width=device-width\">\n<link rel=\"icon\" href=\"data:,\">\n<style>");
    return html.append(style).append("</style>\n").append(body).append("</html>\n");
}

}  // namespace

bool accepts_html(std::string_view accept) {
    bool found = false;
    for_each_element(accept, [&](std::string_view name, int weight) {
        found |= weight > 0 && equal_ignoring_case(name, "text/html");
    });
    return found;
}

PageLanguage preferred_language(std::string_view accept_language) {
    int english_weight = 0;
    int portuguese_weight = 0;
    for_each_element(accept_language, [&](std::string_view name, int weight) {
        const std::string_view language = name.substr(0, name.find('-'));
        if (equal_ignoring_case(language, "en")) english_weight = std::max(english_weight, weight);
        if (equal_ignoring_case(language, "pt")) portuguese_weight = std::max(portuguese_weight, weight);
    });
    return portuguese_weight > english_weight ? PageLanguage::portuguese : PageLanguage::english;
}

Task<http::Response> Welcome::handle(http::Request& request) {
    if (!asks_for_page(request)) co_return co_await gateway_.handle(request);
    const PageLanguage language = request.query() == "lang=pt" ? PageLanguage::portuguese
                                  : request.query() == "lang=en"
                                      ? PageLanguage::english
                                      : preferred_language(request.find("accept-language").value_or(""));
    const Texts& texts = language == PageLanguage::portuguese ? portuguese : english;
    http::Response response;
    response.headers.add("content-type", "text/html; charset=utf-8");
    response.headers.add("content-language", texts.tag);
    response.headers.add("cache-control", "no-store");
    response.headers.add("vary", "accept, accept-language");
    response.headers.add("content-security-policy",
                         "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
                         "form-action 'none'; frame-ancestors 'none'");
    response.headers.add("referrer-policy", "no-referrer");
    response.headers.add("x-content-type-options", "nosniff");
    response.body.append(page_text(request, texts, options_));
    co_return response;
}

}  // namespace riacho::server
