package checks

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// ReasonOf returns why something is unknown as people read it: the words that are ours in both languages, and what peers and the
// operating system said as it is.
func ReasonOf(err error) catalog.Text {
	if t := wordsOf(err); t.RU != t.EN {
		return t
	}
	return reasonIn(err.Error())
}

// reasonIn is ReasonOf for a text, which is all of an error that is kept over a restart.
func reasonIn(text string) catalog.Text {
	phrases := reasonPhrases()
	var b strings.Builder
	for i := 0; i < len(text); {
		if text[i] == '"' { // Somebody else's words.
			end := i + 1
			for end < len(text) && text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(text))
			b.WriteString(text[i:end])
			i = end
			continue
		}
		if j := slices.IndexFunc(phrases, func(p string) bool { return wordsAt(text, i, p) }); j >= 0 {
			b.WriteString(cmp.Or(russianReasons[phrases[j]], russian[phrases[j]]))
			i += len(phrases[j])
			continue
		}
		b.WriteByte(text[i])
		i++
	}
	return catalog.Text{EN: text, RU: b.String()}
}

// wordsAt reports whether a phrase stands at text[i], in words of its own.
func wordsAt(text string, i int, phrase string) bool {
	rest, ok := strings.CutPrefix(text[i:], phrase)
	return ok && (i == 0 || text[i-1] == ' ' || text[i-1] == '(') && (rest == "" || !unicode.IsLetter(rune(rest[0])))
}

// reasonPhrases are the phrases of russianReasons and the sentences of russian, the longest first.
var reasonPhrases = sync.OnceValue(func() (out []string) {
	for p := range russianReasons {
		out = append(out, p)
	}
	for p, ru := range russian {
		if russianReasons[p] == "" && strings.Count(p, " ") > 1 && !strings.Contains(p+ru, "%") {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out
})

// russianReasons are the phrases of which errors are made, the shortest first.
var russianReasons = map[string]string{
	"connect to":                                                         "соединение с",
	"it answers":                                                         "он отвечает",
	"addresses of":                                                       "адреса",
	"fetch policy":                                                       "загрузка политики",
	"look up A of":                                                       "запрос A для",
	"look up DS of":                                                      "запрос DS для",
	"look up MX of":                                                      "запрос MX для",
	"look up NS of":                                                      "запрос NS для",
	"query refused":                                                      "в запросе отказано (REFUSED)",
	"look up PTR of":                                                     "запрос PTR для",
	"look up SOA of":                                                     "запрос SOA для",
	"look up SRV of":                                                     "запрос SRV для",
	"look up TXT of":                                                     "запрос TXT для",
	"of each family":                                                     "из каждого семейства",
	"server failure":                                                     "ошибка сервера (SERVFAIL)",
	"look up AAAA of":                                                    "запрос AAAA для",
	"look up TLSA of":                                                    "запрос TLSA для",
	"not a host name":                                                    "это не имя сервера",
	"context canceled":                                                   "прервано",
	"look up CNAME of":                                                   "запрос CNAME для",
	"malformed record":                                                   "испорченная запись",
	"cut even over TCP":                                                  "обрезан даже по TCP",
	"no answer in time":                                                  "нет ответа вовремя",
	"no route from here":                                                 "отсюда нет маршрута",
	"look up DMARC record":                                               "запрос DMARC-записи",
	"look up addresses of":                                               "запрос адресов",
	"answer exceeds the limit":                                           "ответ больше предела",
	"answer cannot be believed":                                          "ответу нельзя верить",
	"context deadline exceeded":                                          "время вышло",
	"the server has no address":                                          "у сервера нет IP-адреса",
	"resolver cannot be reached":                                         "DNS-резолвер недоступен",
	"tested less than a day ago":                                         "проверялось меньше суток назад",
	"nothing but interim answers":                                        "были только промежуточные ответы",
	"session broken off at stage":                                        "сеанс прерван на шаге",
	"wait for a session to begin":                                        "ожидание начала сеанса",
	"the policy cannot be fetched":                                       "политику не удалось загрузить",
	"the turn would come too late":                                       "очередь подошла бы слишком поздно",
	"left alone because it said so":                                      "мы ждём, потому что сервер об этом просил",
	"the next attempt had an answer":                                     "следующая попытка получила ответ",
	"by which it refuses to serve us":                                    "то есть отказывается нас обслуживать",
	"not a name that can be asked for":                                   "о таком имени нельзя спросить",
	"the message ends within a record":                                   "сообщение обрывается посреди записи",
	"the server has not said its name":                                   "сервер не назвал своего имени",
	"alias chain is too long or a loop":                                  "цепочка псевдонимов слишком длинная или замкнута",
	"nothing is configured to tell it by":                                "в настройках нет того, по чему это можно узнать",
	"look up what to ask blocklists about":                               "поиск того, о чём спрашивать чёрные списки",
	"the time of the whole lookup is over":                               "время всего запроса истекло",
	"DNS has too many addresses for a name":                              "в DNS слишком много адресов у одного имени",
	"what this MX host offers is not known":                              "не известно, что предлагает этот MX-сервер",
	"answers to other questions, none to ours":                           "ответов на другие вопросы, и ни одного на наш",
	"it was not probed yet, or did not let us in":                        "его ещё не опрашивали, или он нас не впустил",
	"the servers of vantage.egress prove neither":                        "серверы из vantage.egress не доказывают ни того, ни другого",
	"the certificate of this MX host is not known":                       "сертификат этого MX-сервера не известен",
	"the list of what to look at was not complete":                       "список того, что проверять, был неполным",
	"a referral; the server does not recurse for us":                     "отсылка: рекурсивно для нас сервер не спрашивает",
	"connections to port 25 do not leave this network":                   "соединения на порт 25 не выходят из этой сети",
	"another check of this round failed to find it out":                  "другой проверке этого обхода выяснить это не удалось",
	"the session did not get as far as the certificate":                  "сеанс не дошёл до сертификата",
	"the list has been asked as often as it may be for now":              "запросы к списку на это время исчерпаны",
	"a random name below .invalid exists, without addresses":             "случайное имя в .invalid существует, но без адресов",
	"the login ended in a reply that says neither yes nor no":            "вход закончился ответом, по которому не ясно, удался ли он",
	"the session did not get so far; check smtp says how far":            "сеанс до этого не дошёл; докуда дошёл, показывает проверка smtp",
	"there are too many records to tell whether they changed":            "записей слишком много, чтобы судить, изменились ли они",
	"what the MX host of lowest preference offers is not known":          "не известно, что предлагает MX-сервер с наименьшим приоритетом",
	"its certificate is looked at when the check smtp runs next":         "его сертификат будет проверен при следующей проверке smtp",
	"the host is empty or the port is not a number from 1 to 65535":      "имя пусто, или порт — не число от 1 до 65535",
	"answer cannot be believed: it is malformed or to another question":  "ответу нельзя верить: он испорчен или на другой вопрос",
	"there are more addresses than are looked at, which are the lowest":  "адресов больше, чем проверяется; проверяются младшие",
	"whether connections to port 25 leave this network is not known yet": "ещё не известно, выходят ли из этой сети соединения на порт 25",
	"MAIL and RCPT are said only under a name that DNS knows; set helo_name":                                              "MAIL и RCPT отправляются только под именем, которое есть в DNS; задайте helo_name",
	"there are more TLSA records than are kept, and none of those is of use":                                              "TLSA-записей больше, чем хранится, и ни одна из них не годится",
	"the SPF record asks for the HELO name of the sender, and none is configured":                                         "SPF-запись спрашивает имя HELO отправителя, а оно не задано",
	"it denies without the SOA record that a denial is proved by (RFC 2308 section 2)":                                    "отрицание без SOA-записи, которой оно доказывается (RFC 2308, раздел 2)",
	"it has more names than are followed, and none of those that were leads back to it":                                   "имён больше, чем проверяется, и ни одно из проверенных не указывает обратно",
	"not tried again until configuration or password changes, because repeated attempts lock accounts":                    "повтора не будет, пока не сменятся настройки или пароль: повторные попытки блокируют учётные записи",
	"the certificate is not for the server's name but for that of a domain; senders take it for mail to this domain only": "сертификат выдан не на имя сервера, а на имя домена; отправители принимают его только для почты этого домена",
}
