package checks

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// Evidence is said in both languages of the catalogue, as far as the words are ours: a peer's, a record's and the names of
// labels stay as they are.

// say fills an English format, and its translation with the same arguments. An argument that is a text itself is filled in in each language.
func say(format string, args ...any) catalog.Text {
	t := catalog.Text{EN: fill(format, args, catalog.English), RU: fill(russian[format], args, catalog.Russian)}
	if t.RU == t.EN {
		return same(t.EN)
	}
	return t
}

// same is a text that is not translated.
func same(s string) catalog.Text { return catalog.Text{EN: s, RU: s} }

// count fills the format for one, or the one for other numbers.
func count(n int, one, many string) catalog.Text {
	if n == 1 {
		return say(one, n)
	}
	return say(many, n)
}

func fill(format string, args []any, lang catalog.Lang) string {
	filled := make([]any, len(args))
	for i, a := range args {
		if t, ok := a.(catalog.Text); ok {
			a = t.In(lang)
		}
		filled[i] = a
	}
	return fmt.Sprintf(format, filled...)
}

// each changes a text in every language.
func each(t catalog.Text, change func(string) string) catalog.Text {
	return catalog.Text{EN: change(t.EN), RU: change(t.RU)}
}

// listed joins texts.
func listed(texts []catalog.Text, separator string) catalog.Text {
	var en, ru []string
	for _, t := range texts {
		en, ru = append(en, t.EN), append(ru, t.RU)
	}
	return catalog.Text{EN: strings.Join(en, separator), RU: strings.Join(ru, separator)}
}

// A worded error says in both languages what it says.
type worded struct {
	catalog.Text
	cause error
}

func (e worded) Error() string { return e.EN }

// Unwrap returns the error that it puts into words.
func (e worded) Unwrap() error { return e.cause }

// wordsOf is an error as evidence. One whose words do not change has them in the table.
func wordsOf(err error) catalog.Text {
	if e, ok := errors.AsType[worded](err); ok && e.EN == err.Error() {
		return e.Text
	}
	if ru, ok := russian[err.Error()]; ok && !strings.Contains(ru, "%") {
		return catalog.Text{EN: err.Error(), RU: ru}
	}
	return same(err.Error())
}

// russian is the translation of every format.
var russian = map[string]string{
	"%d MX record names something that is not a host name": "MX-записей, где вместо имени хоста указано что-то другое: %d",
	"%d MX records": "MX-записей: %d",
	"%d MX records name something that is not a host name": "MX-записей, где вместо имени хоста указано что-то другое: %d",
	"%d SPF records: %s and %s":                            "SPF-записей: %d, среди них %s и %s",
	"%d bits":                                              "%d бит",
	"%d bits, and receivers need not take more than %d":    "%d бит, а принимать ключи длиннее %d бит получатели не обязаны",
	"%d certificates are sent":                             "сервер присылает слишком много сертификатов: %d",
	"%d days":                                              "%d дн.",
	"%d hours":                                             "%d ч",
	"%d lookup":                                            "запросов: %d",
	"%d lookups":                                           "запросов: %d",
	"%d minute":                                            "%d мин",
	"%d minutes":                                           "%d мин",
	"%d octets, and %d are advised":                        "%d байт, рекомендуется не больше %d",
	"%d terms ask DNS, and %d are allowed%s":               "запросов к DNS требуют %d элементов записи, допустимо %d%s",
	"%q in the record of %s, by %s, matches every address":  "%[1]q в записи %[2]s (включена через %[3]s) подходит любому адресу",
	"%q matches every address":                              "%q подходит любому адресу",
	"%s %s":                                                 "%s %s",
	"%s %s is no DMARC record: %s":                          "%s %s — не DMARC-запись: %s",
	"%s %s: %s":                                             "%s %s: %s",
	"%s (%s)":                                               "%s (%s)",
	"%s (%s): %s":                                           "%s (%s): %s",
	"%s (%s, %d void)":                                      "%s (%s, из них без ответа: %d)",
	"%s (cause %s)":                                         "%s (причина: %s)",
	"%s and a semicolon":                                    "%s и точки с запятой",
	"%s and a space":                                        "%s и пробела",
	"%s asked about %s answers %v":                          "список %s на вопрос о %s отвечает %v",
	"%s by %s in the record of %s":                          "%s: сработал элемент %s в записи %s",
	"%s does not exist (NXDOMAIN)":                          "имя %s не существует (NXDOMAIN)",
	"%s for %s: %s":                                         "%s для %s: %s",
	"%s for %s: %v":                                         "%s для %s: %v",
	"%s has %d DMARC records: %s and %s":                    "у %s несколько DMARC-записей (%d): %s и %s",
	"%s has %d records: %s and %s":                          "у %s несколько таких записей (%d): %s и %s",
	"%s has %s":                                             "у %s запись %s",
	"%s has a SOA record":                                   "у %s есть SOA-запись",
	"%s has address %s":                                     "адрес хоста %s — %s",
	"%s has address %s, which is no public one":             "адрес хоста %s — %s, он не публичный",
	"%s has neither MX record nor address":                  "у %s нет ни MX-записи, ни адреса",
	"%s has neither an A nor an AAAA record":                "у %s нет ни A-, ни AAAA-записи",
	"%s has no DMARC record that counts":                    "у %s нет действующей DMARC-записи",
	"%s has no MX record; its address is %s":                "у %s нет MX-записи, есть только адрес %s",
	"%s has no PTR record":                                  "у IP-адреса %s нет PTR-записи",
	"%s has no SOA record":                                  "у %s нет SOA-записи",
	"%s has no SPF record":                                  "у %s нет SPF-записи",
	"%s has no SPF record; %s is none: %s":                  "у %s нет SPF-записи; %s ею не является: %s",
	"%s has no TXT record":                                  "у %s нет TXT-записи",
	"%s has no address":                                     "у %s нет адреса",
	"%s has no such record":                                 "у %s нет такой записи",
	"%s has only %s, which is no DKIM key":                  "у %s есть только %s, а это не DKIM-ключ",
	"%s is a resolver of %s":                                "%s — публичный резолвер %s",
	"%s is an alias of %s":                                  "%s — псевдоним (CNAME) для %s",
	"%s is an alias of %s, which does not exist (NXDOMAIN)": "%s — псевдоним (CNAME) для %s, а это имя не существует (NXDOMAIN)",
	"%s is on %s: %s (%s)":                                  "%s в списке %s: %s (%s)",
	"%s is to get reports":                                  "%s должен получать отчёты",
	"%s is to get reports at %s":                            "%s должен получать отчёты по адресу %s",
	"%s leads to %v and not to %s, which connections from here come from": "имя %s указывает на %v, а не на %s, откуда идут наши соединения",
	"%s matches none of %s":             "%s не подходит ни под один шаблон: %s",
	"%s refuses the connection":         "%s отклоняет соединение",
	"%s takes %d":                       "%s — %d",
	"%s with %s: %s":                    "%s с %s: %s",
	"%s, %s":                            "%s, %s",
	"%s, an alias of %s,":               "%s (псевдоним для %s)",
	"%s, and has no DMARC record at %s": "%s, но DMARC-записи по имени %s у него нет",
	"%s, because %s":                    "%s, причина: %s",
	"%s, by %s":                         "%s (ответил %s)",
	"%s, not for %s":                    "%s, но не для %s",
	"%s, of preference %d, %s":          "%s (приоритет %d) %s",
	"%s, since nothing in the record of %s matches":                                   "%s: ни один элемент записи %s не подошёл",
	"%s, which receivers ignore":                                                      "%s, и получатели её не учитывают",
	"%s: %s":                                                                          "%s: %s",
	"%s: %s at stage %s after %v%s":                                                   "%s: %s на этапе %s через %v%s",
	"%s: %s does not lead to it":                                                      "%s: имя %s не указывает на этот адрес",
	"%s: %s ends on %s, in %s":                                                        "%s: %s истекает %s, осталось %s",
	"%s: AUTH is offered in clear: %.200q":                                            "%s: AUTH предлагается без шифрования: %.200q",
	"%s: STARTTLS is not among the extensions":                                        "%s: среди расширений нет STARTTLS",
	"%s: STARTTLS is not offered, or refused":                                         "%s: STARTTLS не предлагается или отклоняется",
	"%s: at stage %s the server said %d %.200q":                                       "%s: на этапе %s сервер ответил %d %.200q",
	"%s: every usable TLSA record is of the certificate or key in use":                "%s: все пригодные TLSA-записи относятся к нынешнему сертификату или ключу",
	"%s: none of %d TLSA records matches; %s":                                         "%s: не совпадает ни одна TLSA-запись (всего %d); %s",
	"%s: none of its names leads back to it: %s":                                      "%s: ни одно из имён этого IP-адреса не указывает обратно на него: %s",
	"%s: put off at %s, and taken now":                                                "%s: %s сервер ответил временным отказом, теперь принял",
	"%s: reports are sent to mailto addresses only":                                   "%s: отчёты отправляются только на адреса mailto",
	"%s: selector %s has %d TXT records":                                              "%s: у селектора %s несколько TXT-записей: %d",
	"%s: the %s name %s does not lead to it":                                          "%s: имя %[3]s (%[2]s) не указывает на этот адрес",
	"%s: the server chose %s with %s, though better ciphers were offered":             "%s: сервер выбрал шифр %s (%s), хотя предлагались более стойкие",
	"%s: what its PTR records hold are not host names":                                "%s: в PTR-записях не имена хостов",
	"%s; %s is an alias of %s":                                                        "%s; %s — псевдоним (CNAME) для %s",
	"%s; %s itself has %s, where nobody looks for it":                                 "%s; у самого %s есть %s, но там её никто не ищет",
	"%s; asked from %s, which the server may trust as its own network":                "%s; проверка шла с адреса %s, который сервер может считать своей сетью",
	"%s; case counts, and only some receivers, such as OpenDKIM, read capitals as %s": "%s; регистр имеет значение, и лишь некоторые получатели, например OpenDKIM, читают заглавные буквы как %s",
	"%s; only a name below it in the envelope could":                                  "%s; пройти могло бы только имя ниже него в конверте",
	"%s; put off before at %s":                                                        "%s; до этого временный отказ был %s",
	"%s; receivers that count the question for each MX host, as pyspf does, find %d void, and give permerror": "%s; получатели, которые считают запрос по каждому MX-хосту, как pyspf, насчитают без ответа %d и вернут permerror",
	"%s; whether letters are aligned is not seen":                                                             "%s; выравнивание (alignment) сообщений отсюда не видно",
	", as a POP3 server does":                           ", как POP3-сервер",
	", as a server that wants TLS at once does":         ", как сервер, который сразу ожидает TLS",
	", as a web server does":                            ", как веб-сервер",
	", as an IMAP server does":                          ", как IMAP-сервер",
	", as an SSH server does":                           ", как SSH-сервер",
	", in plain text where TLS should begin":            ", открытым текстом там, где должен начаться TLS",
	": %s":                                              ": %s",
	": the server ended TLS with the alert %q":          ": сервер прервал TLS с предупреждением (alert) %q",
	": the server said %q%s":                            ": сервер ответил %q%s",
	"DNS has nothing for %s":                            "в DNS ничего нет для %s",
	"MX %d . names no host; a null MX has preference 0": "MX %d . не называет хоста; у нулевого MX приоритет 0",
	"a key of the selectors %s can be used":             "среди селекторов %s есть пригодный ключ",
	"a random name below .invalid has the addresses %v": "у случайного имени в .invalid есть адреса %v",
	"a record without a name is one of %d MX records":   "среди MX-записей (всего %d) есть запись без имени хоста",
	"a rule of an authority above it is broken":         "нарушено ограничение вышестоящего удостоверяющего центра",
	"a wildcard record revokes every selector, %s too":  "запись с подстановочным знаком отзывает любой селектор, в том числе %s",
	"ahead": "спешат",
	"an authority above it may not have so many authorities below it (pathLenConstraint)": "вышестоящему удостоверяющему центру не разрешено столько подчинённых (pathLenConstraint)",
	"an authority above it may not issue certificates for this name (nameConstraints)":    "вышестоящему удостоверяющему центру не разрешено выпускать сертификаты на это имя (nameConstraints)",
	"another policy was served before under the id %s":                                    "раньше под тем же id %s отдавалась другая политика",
	"as %s": "как %s",
	"asking for TLSA records of %s gives %s: %s": "запрос TLSA-записей %s даёт %s: %s",
	"behind": "отстают",
	"by the clocks of %d web servers ours is %v %s":  "по часам веб-серверов (%d) наши часы %[3]s на %[2]v",
	"does not offer STARTTLS, and the first MX does": "не предлагает STARTTLS, а первый MX предлагает",
	"empty": "пуст",
	"every address of the senders (%d) has a confirmed name":                                         "у каждого адреса отправителей (%d) есть подтверждённое имя",
	"every address of the senders (%d) passes SPF for %s":                                            "каждый адрес отправителей (%d) проходит SPF для %s",
	"has a fault in TLS that the first MX has not: %s":                                               "имеет ошибку TLS, которой нет у первого MX: %s",
	"helo_name is not configured and this machine's name is not in DNS: servers are greeted with %s": "helo_name не задан, а имени этой машины нет в DNS: серверам сообщается имя %s",
	"is of an authority that vouches for the certificate, but the server does not send that of the authority; Postfix takes it from the record, and others need not": "относится к удостоверяющему центру, который подписал сертификат, но сервер не присылает сертификат самого центра; Postfix берёт его из записи, а другие не обязаны",
	"is of an authority that vouches for the certificate, but this is for other names":                                                                               "относится к удостоверяющему центру, который подписал сертификат, но сертификат выдан на другие имена",
	"is of an authority whose certificate does not vouch for the server's, or not now":                                                                               "относится к удостоверяющему центру, чей сертификат не заверяет сертификат сервера или не заверяет сейчас",
	"is of another certificate or key":                                           "относится к другому сертификату или ключу",
	"it answers %s, by which it refuses to serve us":                             "он отвечает %s, то есть отказывается нас обслуживать",
	"it answers %s, which is not in %v":                                          "он отвечает %s, а это не в %v",
	"it begins with white space instead of %s":                                   "начинается с пробельного символа вместо %s",
	"it does not begin with %s":                                                  "не начинается с %s",
	"it does not list its test point":                                            "в нём нет его собственной тестовой записи",
	"it has %d MX record":                                                        "MX-записей у домена: %d",
	"it has %d MX records":                                                       "MX-записей у домена: %d",
	"it is signed by %s, which is no authority":                                  "он подписан сертификатом %s, а это не удостоверяющий центр",
	"it is signed by a certificate that is no authority":                         "он подписан сертификатом, который не принадлежит удостоверяющему центру",
	"it lists a random name":                                                     "в нём есть случайное имя",
	"it lists what must not be listed":                                           "в нём есть то, чего в нём быть не должно",
	"it, or an authority above it, has a critical extension that is not known":   "в нём или в сертификате вышестоящего удостоверяющего центра есть неизвестное критическое расширение",
	"its SPF record lets %s send":                                                "SPF-запись домена разрешает отправку: %s",
	"its extendedKeyUsage is not for servers: serverAuth is not among it":        "его extendedKeyUsage не для серверов: нет serverAuth",
	"its extendedKeyUsage, or that of an authority above it, is not for servers": "его extendedKeyUsage или extendedKeyUsage вышестоящего удостоверяющего центра не для серверов",
	"its keyUsage is %s, and TLS needs %s":                                       "его keyUsage — %s, а для TLS нужен %s",
	"its senders are %s":                                                         "отправители домена: %s",
	"key %s %s, signature %s":                                                    "ключ %s %s, подпись %s",
	"line %d of the policy is empty":                                             "строка %d политики пуста",
	"matches":                                                                    "совпадает",
	"matches, for mail to some domains only":                                     "совпадает, но только для почты некоторых доменов",
	"max_age is %d seconds":                                                      "max_age — %d с",
	"more than %d MX records":                                                    "MX-записей больше %d",
	"neither %s nor a name above it has a DMARC record":                          "DMARC-записи нет ни у %s, ни у имён выше",
	"neither AUTH PLAIN nor AUTH LOGIN is offered":                               "не предлагается ни AUTH PLAIN, ни AUTH LOGIN",
	"no MX record names a host":                                                  "ни одна MX-запись не называет хоста",
	"no TLS, and a password is sent over nothing else":                           "нет TLS, а без него пароль не отправляется",
	"no key of the selectors %s can be used":                                     "среди селекторов %s нет пригодного ключа",
	"no key of the selectors %s can be used, and none of the senders %s passes SPF for %s": "среди селекторов %s нет пригодного ключа, и ни один из отправителей %s не проходит SPF для %s",
	"no name":                                     "без имени",
	"no selector has a valid RSA key":             "ни у одного селектора нет действительного RSA-ключа",
	"no selector is configured":                   "селекторы не заданы в конфигурации",
	"no sender is configured":                     "отправители не заданы в конфигурации",
	"nobody has said that a password may be sent": "отправка пароля не разрешена",
	"none": "никакая",
	"none of %d TLSA records is of use for mail; the first: %s":                                                              "ни одна из TLSA-записей (всего %d) не пригодна для почты; первая: %s",
	"none of the MX hosts (%d) has an address that can be reached":                                                           "ни у одного из MX-хостов (всего %d) нет адреса, доступного из интернета",
	"nothing comes back from %s":                                                                                             "нет никакого ответа от %s",
	"nothing comes back from port 25 of %s, while another of its ports answers, and no server answers on port 25":            "порт 25 адреса %s не отвечает, хотя другой его порт отвечает, и ни один сервер не отвечает на порту 25",
	"nothing comes back from port 25 of any server, %s among them; vantage.egress can name servers that are known to answer": "порт 25 не отвечает ни у одного сервера, в том числе у %s; в vantage.egress можно указать серверы, которые заведомо отвечают",
	"p is empty":          "тег p пуст",
	"receivers ignore %s": "получатели не учитывают %s",
	"servers of %d unrelated owners, %s among them, show certificates of one issuer that no trust store knows: %s": "серверы разных владельцев (%d), в том числе %s, показывают сертификаты одного издателя, которого нет ни в одном хранилище доверенных: %s",
	"status %d": "код состояния %d",
	"status %d, a redirect, and senders follow none":                 "код состояния %d, перенаправление, а отправители по ним не переходят",
	"takes letters of at most %.0f octets, and the first MX of %.0f": "принимает сообщения не больше %.0f байт, а первый MX — до %.0f",
	"the answer for the MX records of %s is not signed":              "ответ о MX-записях %s не подписан",
	"the certificate":                                              "сертификат",
	"the certificate does not verify":                              "сертификат не прошёл проверку",
	"the certificate for %s is not good: %s":                       "сертификат для %s не годится: %s",
	"the certificate is for %d name":                               "сертификат выдан на имена, всего %d",
	"the certificate is for %d names":                              "сертификат выдан на имена, всего %d",
	"the certificate is for %s":                                    "сертификат выдан для %s",
	"the certificate is for %s and %d more":                        "сертификат выдан для %s и ещё для других имён (%d)",
	"the certificate is issued by %s":                              "сертификат выдан издателем %s",
	"the certificate is valid from %s until %s":                    "сертификат действителен с %s до %s",
	"the certificate may not be used here: %s":                     "сертификат здесь использовать нельзя: %s",
	"the certificate of the authority %s, which the server sends,": "сертификат удостоверяющего центра %s, который присылает сервер,",
	"the certificates of %d unrelated owners, %s among them, are not valid yet: ours is behind":                  "сертификаты разных владельцев (%d), в том числе %s, ещё не действуют: наши часы отстают",
	"the certificates of %d unrelated owners, %s among them, have expired, and nobody's is valid: ours is ahead": "сертификаты разных владельцев (%d), в том числе %s, истекли, и действующих нет ни у кого: наши часы спешат",
	"the extendedKeyUsage of an authority above it is not for servers":                                           "extendedKeyUsage вышестоящего удостоверяющего центра не для серверов",
	"the hash functions are %q":           "хеш-функции: %q",
	"the header is longer than %d octets": "заголовок длиннее %d байт",
	"the keyUsage of %s above it is %s, and to sign certificates it needs keyCertSign": "keyUsage вышестоящего %s — %s, а для подписи сертификатов нужен keyCertSign",
	"the list cannot be believed":                                                             "списку нельзя верить",
	"the name servers fail, though not for other records of %s":                               "серверы имён отвечают ошибкой, хотя другие записи %s отдают",
	"the policy cannot be fetched: %s":                                                        "политику не удалось получить: %s",
	"the policy is %s, and %s for names below; %s says %s":                                    "политика — %s, для имён ниже — %s; запись %s: %s",
	"the record that counts: %s by RFC 9989, %s by RFC 7489":                                  "действующая запись: %s по RFC 9989, %s по RFC 7489",
	"the resolver answers %v for a name that does not exist":                                  "резолвер отвечает %v на несуществующее имя",
	"the resolver answers for the MX records of %s only if it need not verify the signatures": "о MX-записях %s резолвер отвечает, только если не проверяет подписи",
	"the resolver denies in-addr.arpa, which exists, so that it may deny every name":          "резолвер отрицает in-addr.arpa, хотя такое имя существует; возможно, он отрицает любые имена",
	"the resolver gives the same address for names that do not exist":                         "на несуществующие имена резолвер отвечает одним и тем же адресом",
	"the selectors %s have no valid RSA key, only one for Ed25519":                            "у селекторов %s нет действительного RSA-ключа, есть только Ed25519",
	"the sender %s has no address":                                                            "у отправителя %s нет адреса",
	"the services are %q":                                                                     "службы: %q",
	"the signatures are wrong":                                                                "подписи неверны",
	"the web server sends the policy %s, and it must be text/plain":                           "веб-сервер отдаёт политику %s, а должно быть text/plain",
	"with %d fields Content-Type, %s and %s":                                                  "с несколькими полями Content-Type (%d): %s и %s",
	"without Content-Type":                                                                    "без Content-Type",
}
