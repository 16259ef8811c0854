package bounce

import (
	"slices"
	"strings"
)

// Evidence is what speaks for three digits being a reply.
type evidence struct {
	before    string // The line up to them, in lower case.
	above     string // The end of the line above, if it is near.
	lineStart bool
}

// Words of mail systems, in lower case.
var (
	// sayings end what stands before a reply.
	sayings = []string{
		"said", "said:", "says:", "returned", "returned:", "replied", "replied:", "reply:", "reply was:", "response:", "response was:",
		"responded:", "responded with",
		"responded with:", "answered", "answered:", "answer:", "answer was:", "server was:", "returned was:", "smtp;", "smtp :",
		"lmtp;", "x-postfix;", "x-unix;", "got:",
		"<<<", "<**", "<~*", "<~", "<--", "<-", "led=", "reject=", "reject:", "received:", "sent:", "stat=", "error:",
		"gave this error:", "our final data:", "->", "s:", "deferred:",
		"smtp error", "smtp error:", "smtp-error:", "smtp error code", "smtp code", "smtp code:", "smtp status", "smtp reply",
		"smtp response:", "smtp protocol reply:", "smtp response",
		"reason:", "failure:", "the reason:", "because:", "message below:", "following reason:", "following error:", "error was:",
		"error message:", "server error:", "problem was:", "details:", "issue:", "error_code :",
		"ответил", "ответил:", "ответ:", "ответ", "вернул", "вернул:", "вернул ошибку", "вернул ошибку:", "ответ сервера", "сообщил:",
		"сообщение:", "ошибка:", "ошибка smtp", "ошибку:", "причина:", "причине:", "ответом:",
		"текст ошибки:", "сервера:", "отказ:", "получателя:", "код ответа", "код ответа:", "отправить письмо:",
		"antwort:", "antwortete", "antwortete:", "fehler:", "fehlermeldung:", "meldung:", "réponse:", "erreur:", "respuesta:",
		"errore:", "risposta:",
	}
	// hints do too, and stand before other numbers as well.
	hints = []string{
		"error", "code", "code:", "status", "status:", "failed:", "message:", "is:", "was:", "with", "smtp", "smtp:", "ошибка",
		"ошибку", "ошибки", "ошибкой", "код", "код:", "кодом", "кода", "number", "no.", "№",
		"fehler", "fehlercode", "erreur", "reply", "response", "text:", "description:", "info:", "result:", "detail:", "defer",
		"bounce", "bounced",
	}
	// refusals are in the texts of replies that refuse.
	refusals = []string{
		"mailbox", "user", "recipient", "sender", "unknown", "reject", "denied", "deny", "spam", "block", "relay", "unavailable",
		"error", "timeout", "timed out", "greylist", "graylist", "no such", "permit",
		"allowed", "policy", "quota", " full", "rdns", "dns", "ptr", "spf", "dkim", "dmarc", "auth", "account", "disabled", "too many",
		"connection", "rate", "limit", "again", "later", "temporar", "service",
		"transaction", "command", "syntax", "address", "domain", "message", "mail", "deliver", "content", "virus", "size", "exceed",
		"helo", "ehlo", "tls", "encrypt", "access", "blacklist", "listed", "reputation",
		"sequence", "accept", "refus", "invalid", "not exist", "n't exist", "host", "defer", "closing", "requested action", "not taken",
		"failed", "failure", "not found", "bad ", "password", "incorrect", "must ", "suspicious", "suspend",
		"ящик", "пользовател", "получател", "отправител", "отклон", "заблок", "спам", "существует", "адрес", "сообщени", "письм",
		"письмо", "сервер", "лимит", "квот", "доступ", "ошибк", "домен", "запрещ", "невозможн",
		"unbekannt", "abgelehnt", "empfänger", "desconocido", "rechaz", "inconnu", "sconosciut", "不", "拒", "退", "該当", "存在",
	}
	// units stand behind numbers that count something.
	units = []string{
		"users", "mailboxes", "messages", "recipients", "letters", "emails", "e-mails", "mails", "accounts", "domains", "servers",
		"hosts", "addresses", "connections", "people", "times", "bytes", "kb", "mb", "gb", "kib",
		"mib", "ms", "s", "sec", "seconds", "min", "minutes", "hours", "days", "weeks", "years", "pages", "eur", "usd", "rub", "euro",
		"euros", "dollars", "percent", "points", "items", "units", "pieces", "pcs", "m", "km", "kg", "g", "rows", "lines", "requests",
		"errors",
		"писем", "письма", "сообщений", "пользователей", "ящиков", "адресов", "получателей", "байт", "кб", "мб", "гб", "секунд", "сек",
		"минут", "мин", "часов", "дней", "человек", "раз", "штук", "шт", "руб", "рублей",
		"запросов", "подключений", "страниц", "строк", "серверов", "доменов", "ошибок", "лет", "год", "года",
	}
)

// allows reports whether a number is a reply. text begins with it. whole says that somebody pasted a few lines, because of the
// reply in them.
func (e evidence) allows(c code, text string, whole bool) bool {
	before := strings.TrimRight(e.before, " \t'\"`([{<#")
	before = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(before, "«"), "“"), "‘")
	before = strings.TrimRight(before, " \t")
	after := lower(text[min(c.end, len(text)):min(len(text), 400)])
	if strings.Trim(after, ")]. ") == "" {
		after = ""
	}
	matching := c.enhanced != "" && c.enhanced[0] == byte('0'+c.code/100)
	tight := strings.HasSuffix(e.before, ":") // A port, but for "said:550".
	dialogue := hasAnySuffix(e.before, "<<< ", "<** ", "<~* ", "<-- ", "<- ", "<~ ", "< ", "<-  ", "<~  ")
	if c.code < 400 {
		return matching || dialogue && knownCodes[c.code] || (whole || c.dash) && e.lineStart && knownCodes[c.code] && !counts(after)
	}
	if matching {
		return true
	}
	if aboutHTTP(before) {
		return false
	}
	if tight && !hasAnySuffix(before, sayings...) {
		return false
	}
	if dialogue || e.said(before) {
		return !counts(after)
	}
	if !knownCodes[c.code] || counts(after) {
		return false
	}
	if hasAnySuffix(e.before, "(", "[") && len(after) == 0 && containsAny(e.before[max(0, len(e.before)-100):], refusals) {
		return true // "User name or password is incorrect (535)."
	}
	refuses := containsAny(after[:min(len(after), 100)], refusals)
	switch {
	case e.lineStart && (c.enhanced != "" || whole && len(after) > 0 || c.dash):
		return refuses || whole || strings.Contains(text, "\n"+text[:3])
	case e.lineStart:
		return refuses
	}
	return hasAnySuffix(before, hints...) && (refuses || whole && len(after) > 0)
}

// said reports whether words of a mail system stand before the reply, on its line or at the end of the one above.
func (e evidence) said(before string) bool {
	if before == "" {
		above := strings.TrimRight(e.above, " \t'\"")
		return hasAnySuffix(above, sayings...) || strings.HasSuffix(above, ":") && mentionsServer(above)
	}
	return hasAnySuffix(before, sayings...) || strings.HasSuffix(before, ":") && mentionsServer(before)
}

// mentionsServer reports whether a text tells of a dialogue with a server.
func mentionsServer(low string) bool {
	low = low[max(0, len(low)-250):]
	return containsAny(low, []string{
		"smtp error", "host ", "remote", "rcpt to", "mail from", "end of data", "said", "server", "smtp", "delivering", "delivery",
		"following address", "сервер", "хост", "доставить",
	}) || strings.HasSuffix(low, ">:") || findAddress(low) != ""
}

// aboutHTTP reports whether a status of HTTP is meant, which looks the same.
func aboutHTTP(before string) bool {
	return containsAny(before[max(0, len(before)-60):], []string{"http/", "http error", "http status", "http code", "http response", "curl: "})
}

// counts reports whether what follows a number is what it counts.
func counts(after string) bool {
	word := after
	if end := strings.IndexAny(word, " \t\n,.;:)"); end >= 0 {
		word = word[:end]
	}
	if strings.HasPrefix(after, "%") || strings.HasPrefix(after, "€") || strings.HasPrefix(after, "$") {
		return true
	}
	return slices.Contains(units, word)
}

// hasAnySuffix reports whether a text ends in one of some words, and not in the middle of another.
func hasAnySuffix(s string, words ...string) bool {
	for _, w := range words {
		if strings.HasSuffix(s, w) {
			at := len(s) - len(w)
			if at == 0 || !isWordByte(w[0]) || !isWordByte(s[at-1]) {
				return true
			}
		}
	}
	return false
}

func containsAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// knownCodes are codes that RFC 5321, its extensions, and what servers made up besides.
var knownCodes = func() map[int]bool {
	m := map[int]bool{}
	for _, c := range []int{
		211, 214, 220, 221, 235, 250, 251, 252, 334, 354,
		420, 421, 422, 430, 431, 432, 441, 442, 446, 447, 449, 450, 451, 452, 453, 454, 455, 458, 459, 471,
		500, 501, 502, 503, 504, 505, 510, 511, 512, 513, 515, 517, 521, 522, 523, 525, 530, 531, 533, 534, 535, 538, 540, 541, 542, 543, 544, 546, 547,
		550, 551, 552, 553, 554, 555, 556, 557, 558, 559, 560, 570, 571, 572, 573, 574, 577, 580, 591, 599,
	} {
		m[c] = true
	}
	return m
}()

// loneEnhanced finds an enhanced status code without three digits before it: "(#5.1.1)", "Status code: 5.7.64", "5.1.1
// RESOLVER.ADR.RecipNotFound". at is its place.
func loneEnhanced(text, low string) (at int, c code, ok bool) {
	tried := 0
	for at = 0; at < len(text) && tried < maxTried; at++ {
		if text[at] != '4' && text[at] != '5' || at > 0 && (isWordByte(text[at-1]) || strings.IndexByte(".,-/", text[at-1]) >= 0) {
			continue
		}
		n := enhancedEnd(text[at:])
		if n == 0 {
			continue
		}
		tried++
		c = code{enhanced: text[at : at+n], end: n}
		before := strings.TrimRight(low[:at], " \t'\"([<")
		after := strings.TrimLeft(low[at+n:min(len(low), at+n+300)], " \t:;,-)]")
		switch {
		case strings.HasSuffix(before, "#"):
			c.leads = strings.Trim(before, "# \t(<'\"") == ""
			c.end += len(text[at+n:]) - len(strings.TrimLeft(text[at+n:], " \t:;,-)]"))
			return at, c, containsAny(low[max(0, at-200):min(len(low), at+200)], refusals)
		case before == "" || hasAnySuffix(before, sayings...) || hasAnySuffix(before, hints...) || hasAnySuffix(before, "dsn=", "dsn:"):
			if containsAny(after, refusals) || containsAny(after[:min(len(after), 10)], []string{"resolver.", "storedrv.", "routing."}) {
				c.leads = true
				c.end += len(text[at+n:]) - len(strings.TrimLeft(text[at+n:], " \t:;,-)]"))
				return at, c, true
			}
		}
	}
	return 0, code{}, false
}

// alone reads a text that is a code and nothing else: "550", "550 5.7.26", "5.7.26", "SMTP error 550".
func alone(text string) (r Reply, ok bool) {
	const around = " \t\r\n\"'.,:;()[]«»<>#№"
	if text = strings.Trim(text[:min(len(text), 200)], around); len(text) > 60 {
		return Reply{}, false
	}
	for {
		word, rest, more := strings.Cut(text, " ")
		if word = strings.Trim(lower(word), around); !more || !codeWords[word] {
			break
		}
		text = strings.Trim(rest, around)
	}
	if len(text) < 3 || len(text) > 14 {
		return Reply{}, false
	}
	if enhancedEnd(text) == len(text) {
		return Reply{Enhanced: text}, true
	}
	if !codeAt(text, 0) {
		return Reply{}, false
	}
	c, _ := readCode(text)
	return Reply{Code: c.code, Enhanced: c.enhanced}, c.end == len(text)
}

// codeWords are what people write before a code.
var codeWords = map[string]bool{
	"smtp": true, "error": true, "code": true, "status": true, "reply": true, "response": true, "server": true, "mail": true, "dsn": true,
	"ошибка": true, "код": true, "ошибки": true, "ответ": true, "ответа": true, "сервера": true, "почты": true,
	"fehler": true, "fehlercode": true, "erreur": true,
}
