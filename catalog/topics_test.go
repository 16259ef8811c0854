package catalog

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// lookedFor is what people type and the topic that answers it.
var lookedFor = map[string]string{
	"spf": "spf", "SPF": "spf", "dkim": "dkim", "DMARC": "dmarc", "ptr": "ptr", "rdns": "ptr", "mx": "mx", "dane": "dane",
	"mta-sts": "mta_sts", "MTA STS": "mta_sts", "mtasts": "mta_sts", "tls": "tls", "STARTTLS": "starttls", "start tls": "starttls",
	"dnsbl": "dnsbl", "rbl": "dnsbl", "blocklist": "dnsbl", "black-list": "dnsbl", "greylisting": "greylisting",
	"grey listing": "greylisting", "spam": "spam", "bounce": "bounce", "bounces": "bounce", "bounced": "bounce", "ndr": "bounce",
	"dsn": "bounce", "timeout": "timeout", "relay": "relay", "auth": "auth", "queue": "queue", "4xx": "replies_4xx",
	"5xx": "replies_5xx", "x1x": "second_digit", "x.7.x": "subject_7", "5.7": "subject_7", "4.2": "subject_2",
	"port 465": "port_465", "порт 587": "port_587", "587 порт": "port_587", "на каком порту 587": "port_587",
	"неизвестная ошибка smtp": "unknown_error", "письма не доходят": "not_delivered", "письмо не доходит": "not_delivered",
	"Письма не доходили!": "not_delivered", "не доходят письма": "not_delivered",
	"висят в отправленных": "stuck_in_outbox", "письма висят в исходящих": "stuck_in_outbox",
	"массовая рассылка": "bulk", "массовые рассылки": "bulk", "лимит рассылки": "sending_limits", "лимиты рассылок": "sending_limits",
	"чёрный список": "dnsbl", "черные списки": "dnsbl", "из чёрного списка": "dnsbl",
	"mail goes to spam": "spam", "Why does my mail go to spam?": "spam", "письма попадают в спам": "spam",
	"почему письма попадают в спам": "spam", "сертификат": "certificate", "сертификаты": "certificate",
	"проверка отправителя": "sender_authentication", "helo": "helo", "ehlo": "helo", "smtp": "smtp", "imap": "imap",
	"tls-rpt": "tls_rpt", "bimi": "bimi", "arc": "arc", "srs": "forwarding", "forwarding": "forwarding", "dnssec": "dnssec",
	"backscatter": "backscatter", "reputation": "reputation", "warm up": "warm_up", "unsubscribe": "unsubscribe", "bulk": "bulk",
	"feedback loop": "feedback_loop", "postmaster": "postmaster_tools", "mxtoolbox": "online_tools", "internet.nl": "online_tools",
	"25": "port_25", "465": "port_465", "587": "port_587", "2525": "port_2525", "110": "port_110", "143": "port_143",
	"993": "port_993", "995": "port_995", "1С не отправляет письма": "program_1c", "белый список": "allowlist",
	"Thunderbird": "mail_programs", "SeaMonkey": "mail_programs", "Apple Mail": "mail_programs", "Android": "mail_programs",
	"тестовое письмо": "test_message", "бесплатный smtp сервер": "smtp_services",
	"Outlook не отправляет": "stuck_in_outbox", "Thunderbird does not send": "stuck_in_outbox",
	"Кто-то шлёт письма от моего имени": "spoofing", "кто-то рассылает спам от моего имени": "spoofing",
	"почему gmail не принимает письма": "not_delivered", "Gmail blocks my mail": "not_delivered",
	"рассылка попадает в спам": "spam", "newsletter goes to spam": "spam", "spamhaus": "dnsbl",
	"too many DNS lookups": "spf", "почта пропала": "not_received", "удалить из спам листа": "dnsbl",
	"сколько писем в день": "sending_limits", "mail-tester": "online_tools", "mail server down": "timeout",
}

func TestNamed(t *testing.T) {
	for asked, want := range lookedFor {
		f := Default().Named(asked)
		if f.Empty() {
			f = Default().Mentioned(asked)
		}
		if len(f.Topics) != 1 || f.Topics[0].ID != want {
			t.Errorf("%q finds %v, want the topic %s", asked, ids(f.Topics), want)
		}
	}
	for _, asked := range []string{"", " ", "?!", "the", "quetzalcoatl", "26", "5.7.1", strings.Repeat("spf ", 100)} {
		if f := Default().Named(asked); !f.Empty() {
			t.Errorf("%q is the name of %+v", asked, f)
		}
	}
}

func ids(topics []*Topic) (out []string) {
	for _, t := range topics {
		out = append(out, t.ID)
	}
	return out
}

func TestMentioned(t *testing.T) {
	for asked, want := range map[string][]string{
		"как настроить spf для своего домена": {"spf"},
		"spf and dkim":            {"spf", "dkim"},
		"port 465 is slow":        {"port_465"},
		"error 465":               {"port_465"},
		"error 25":                nil,
		"my mail program is slow": {"mail_programs"},
		"ничего не понимаю в этом": nil,
		"mail":                                   nil, // General.
		strings.Repeat("spf ", maxWords) + "spf": nil, // A text.
	} {
		if got := ids(Default().Mentioned(asked).Topics); !slices.Equal(got, want) {
			t.Errorf("%q mentions %v, want %v", asked, got, want)
		}
	}
}

// TestOnePlace shows that every phrase by which something is looked for leads there and nowhere
// else, in any case.
func TestOnePlace(t *testing.T) {
	c := Default()
	only := func(owner, phrase string, f Found, found bool) {
		if n := len(f.Topics) + len(f.Services) + len(f.Conditions); n != 1 || !found {
			t.Errorf("%s: %q leads to %v, %d services and %d conditions", owner, phrase, ids(f.Topics), len(f.Services), len(f.Conditions))
		}
	}
	phrases := 0
	for _, topic := range c.Topics() {
		for _, phrase := range topic.Words {
			for _, asked := range []string{phrase, strings.ToUpper(phrase)} {
				f := c.Named(asked)
				only("topic "+topic.ID, asked, f, slices.Contains(f.Topics, topic))
				phrases++
			}
		}
	}
	for _, s := range c.MailServices() {
		for _, phrase := range s.Words {
			f := c.Named(phrase)
			only("mail service "+s.ID, phrase, f, slices.Contains(f.Services, s))
			phrases++
		}
	}
	for _, e := range c.Conditions() {
		for _, phrase := range e.Words {
			f := c.Named(phrase)
			only("condition "+e.ID, phrase, f, slices.Contains(f.Conditions, e))
			phrases++
		}
	}
	if phrases < 1000 {
		t.Errorf("only %d phrases: the test looks in the wrong place", phrases)
	}
	for _, e := range c.ReplyCodes() {
		if f := c.Named(threeDigits(e.Code)); !f.Empty() {
			t.Errorf("%d is a reply code and the name of %+v", e.Code, f)
		}
	}
}

// TestBothLanguages: every topic is found by a word of either language, but those whose names are
// the same in both.
func TestBothLanguages(t *testing.T) {
	for _, topic := range Default().Topics() {
		latin, cyrillic := false, false
		for _, phrase := range topic.Words {
			is := strings.ContainsFunc(phrase, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) })
			latin, cyrillic = latin || !is, cyrillic || is
		}
		if !latin || !cyrillic && !strings.HasPrefix(topic.ID, "subject_") {
			t.Errorf("topic %s is found by words of one language only", topic.ID)
		}
	}
}

func TestStem(t *testing.T) {
	for _, forms := range []string{
		"bounce bounces bounced bouncing", "message messages", "limit limits limited", "spam spams spamming", "relay relays relaying",
		"address addresses", "certificate certificates", "block blocks blocked blocking", "query queries",
		"письмо письма писем письмам письмами", "список списка списки списков", "рассылка рассылки рассылок рассылку",
		"сертификат сертификаты сертификата сертификатов", "доходит доходят доходили доходил", "ошибка ошибки ошибок ошибку",
		"очередь очереди очередей", "порт порта порту порты портов", "лимит лимиты лимитов", "сервер сервера серверы серверов",
	} {
		words := strings.Fields(forms)
		for _, w := range words[1:] {
			if stem(w) != stem(words[0]) {
				t.Errorf("%s becomes %s, %s becomes %s", words[0], stem(words[0]), w, stem(w))
			}
		}
	}
	for _, word := range []string{"dns", "tls", "mx", "mail.ru", "5.7.x", "imaps", "1с", "a", "й"} {
		if got := stem(word); got != word {
			t.Errorf("%s becomes %s", word, got)
		}
	}
}

func TestMailServices(t *testing.T) {
	for asked, want := range map[string]string{
		"smtp.mail.ru": "mail_ru", "IMAP.mail.ru": "mail_ru", "mail.ru": "mail_ru", "яндекс почта": "yandex", "Яндекс.Почта": "yandex",
		"smtp.yandex.ru": "yandex", "gmail": "gmail", "smtp gmail": "gmail", "smtp.gmail.com": "gmail", "icloud": "icloud",
		"smtp.mail.me.com": "icloud", "smtp.office365.com": "microsoft_365", "smtp-mail.outlook.com": "outlook_com",
		"рамблер": "rambler", "smtp.rambler.ru": "rambler", "yahoo mail": "yahoo", "smtp.mail.yahoo.com": "yahoo", "gmx": "gmx",
		"mail.gmx.net": "gmx", "настройки почты mail.ru": "mail_ru",
	} {
		f := Default().Named(asked)
		if len(f.Services) != 1 || f.Services[0].ID != want {
			t.Errorf("%q finds %+v, want %s", asked, f, want)
		}
	}
	if f := Default().Named("outlook.office365.com"); len(f.Services) != 2 {
		t.Errorf("a server of two services finds %+v", f)
	}
	if f := Default().Mentioned("smtp.mail.ru:465"); len(f.Services) != 1 || f.Services[0].ID != "mail_ru" {
		t.Errorf("a server with its port finds %+v", f)
	}
}

func TestNearest(t *testing.T) {
	for asked, want := range map[string]string{
		"greylistng": "greylisting", "blaklist": "dnsbl", "certifcate": "certificate", "сертефикат": "certificate",
		"certificate of the server is for a wrong name": "certificate_name_mismatch",
	} {
		near := Default().Nearest(asked)
		if !slices.ContainsFunc(near, func(e Entry) bool { return e.ID == want }) {
			t.Errorf("%q is near %+v, want %s among them", asked, near, want)
		}
	}
	for _, asked := range []string{"", "?", "zzzzzz", "щщщщщщ", "\xff\xfe"} {
		if near := Default().Nearest(asked); len(near) > 0 {
			t.Errorf("%q is near %+v", asked, near)
		}
	}
	// What is long is cut, and what is much is little: nobody waits for it.
	for _, asked := range []string{strings.Repeat("spf ", 1<<20), strings.Repeat("я", 1<<20), strings.Repeat(".", 1<<20)} {
		if near := Default().Nearest(asked); len(near) > maxNear {
			t.Errorf("%d entries", len(near))
		}
		if f := Default().Named(asked); !f.Empty() {
			t.Errorf("found %+v", f)
		}
		if f := Default().Mentioned(asked); !f.Empty() {
			t.Errorf("found %+v", f)
		}
	}
}

var (
	// foreign are words that the project does not use, or not in this sense.
	foreign = regexp.MustCompile(`(?i)\b(letters?|mends?|mended|untold|he|his|him|patients?|sick|slips?|puts? (off|us off)|put off|` +
		`sends? (us |them )?away|has no name|illness)\b`)
	foreignRussian = regexp.MustCompile(`(?i)авториз`)
	quotedRussian  = regexp.MustCompile(`«[^»]*»`)
)

// TestWordsOfTexts holds the texts to the words of the field.
func TestWordsOfTexts(t *testing.T) {
	check := func(owner string, texts ...Text) {
		for _, text := range texts {
			if w := foreign.FindString(text.EN); w != "" {
				t.Errorf("%s says %q: %s", owner, w, text.EN)
			}
			if w := foreignRussian.FindString(quotedRussian.ReplaceAllString(text.RU, "")); w != "" {
				t.Errorf("%s says %q: %s", owner, w, text.RU)
			}
		}
	}
	advice := func(owner string, a *Advice) {
		check(owner, a.Title, a.Meaning)
		check(owner, a.Causes...)
		for _, r := range a.Remedies {
			check(owner, r.Text)
		}
	}
	c := Default()
	for _, e := range c.Topics() {
		advice("topic "+e.ID, &e.Advice)
	}
	for _, e := range c.Conditions() {
		advice("condition "+e.ID, &e.Advice)
	}
	for _, s := range c.MailServices() {
		check("mail service "+s.ID, s.Name, s.User, s.Password, s.Before, s.Limits)
	}
	for _, s := range c.settings {
		for _, w := range s.Where {
			check("setting "+s.ID+" in "+w.Program, w.Path)
		}
	}
}
