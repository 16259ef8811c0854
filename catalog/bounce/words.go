package bounce

import "strings"

// ownWords are what mail systems write where no server answered, or where they are that server themselves.
var ownWords = []string{
	// The network.
	"connection timed out", "connection refused", "no route to host", "network is unreachable", "network unreachable",
	"connection reset by peer", "lost connection with", "operation timed out", "connection unexpectedly closed", "econnrefused",
	"etimedout", "econnreset", "enotfound", "got an empty response", `got code "", with message ""`, "greeting never received",
	"transport failed to connect", "failed to connect to server", "couldn't connect to host", "failed to authenticate",
	"unable to authenticate", "could not authenticate", "certificate signed by unknown authority", "certificate is valid for",
	"certificate has expired", "certificate verify failed",
	"timed out while", "timed out waiting", "could not connect", "couldn't connect", "unable to connect", "cannot connect",
	"not able to establish an smtp connection", "wasn't able to establish an smtp connection", "connection died",
	"did not accept our requests to connect", "network error on destination", "connection lost", "connection dropped",
	"remote host closed connection", "no answer from host", "smtp error code 3", "connection closed by remote",
	"server did not respond", "server is not responding", "socket error", "не удалось подключиться",
	"не удалось установить соединение", "сервер не отвечает", "время ожидания",
	// Names.
	"host or domain name not found", "name service error", "host not found", "unrouteable address", "unroutable address",
	"find any host named", "host unknown", "nxdomain", "no such domain", "domain not found",
	"unrouteable mail domain", "point to non-existent hosts", "mx record points to local host", "name or service not known",
	"temporary failure in mx lookup", "no mx found", "mx lookup failed", "dns lookup failed",
	"domain does not accept mail", "no smtp service", "nullmx", "null mx", "dns error", "domain couldn't be found",
	"domain name not found", "could not resolve", "no valid hosts", "домен не найден", "домен не существует",
	// Time.
	"retry timeout exceeded", "retry time not reached", "failing for a long time", "message expired", "delivery time expired",
	"in the queue too long", "delivery temporarily suspended", "could not be delivered for",
	"returned to sender", "delivery expired", "message timed out", "queue lifetime", "истекло время", "срок хранения",
	// The mailbox.
	"unknown user", "user unknown", "mailbox full", "mailbox is full", "quota exceeded", "over quota", "overquota", "no such user",
	"no mailbox here by that name", "not listed in", "no such mailbox", "recipnotfound",
	"unknown recipient", "recipient name is not recognized", "mailbox disabled", "does not have an account here", "not our customer",
	"no such person", "unknown local part", "user doesn't exist", "user does not exist", "unknown mailbox",
	"not listed in domino", "not listed in public", "mailbox unavailable", "account is disabled", "invalid recipient",
	"inbox is full", "address couldn't be found", "ящик переполнен", "ящик не существует", "пользователь не найден",
	"адрес не существует",
	"не существует", "квота превышена", "ящик заблокирован", "ящик отключен", "нет такого пользователя",
	// Loops, limits, rights, content.
	"loops back to myself", "too many hops", "forwarding loop", "mail loop", "message size exceeds", "message too large",
	"exceeds size limit", "message is too big", "too many recipients", "max defers and failures", "max emails per hour",
	"relay access denied", "relaying denied", "tls is required", "server certificate not", "certificate verification failed",
	"cannot start tls", "tls handshake", "no matching dane", "tls required", "insufficient system storage",
	"command output:", "can't create user output file", "out of disk space", "no space left", "disk quota",
	"recipient address rejected", "sender address rejected", "does not like recipient", "access denied", "suspended",
}

// wordStarts are beginnings of lines that only mail systems write.
var wordStarts = []string{
	"connect to ", "lost connection", "conversation with ", "host ", "deferred:", "delivery temporarily suspended", "unrouteable",
	"all hosts ", "retry timeout", "unable to connect", "sorry", "no such user", "user unknown", "unknown user", "mailbox is full",
	"connection ", "mail for ", "reason:", "error:", "diagnostic", "dns error", "domain ",
}

// words finds what a mail system says in its own words in line i.
func (s *scanner) words(i int) (r Reply, next int, w weight, ok bool) {
	l := &s.lines[i]
	low := l.lower()
	if len(low) > 2000 {
		return Reply{}, 0, 0, false
	}
	if !containsAny(low, ownWords) {
		return Reply{}, 0, 0, false
	}
	led, only := leadingAddress(l.text)
	stated := led != "" && !only
	for _, p := range wordStarts {
		stated = stated || strings.HasPrefix(low, p)
	}
	stated = stated || l.indent > 0 && s.recipient != ""
	switch {
	case stated && !s.pasted, s.short:
		w = anchored
	case !s.pasted, stated:
		w = loose
	default:
		return Reply{}, 0, 0, false
	}
	text, to := s.joined(i, 0)
	if inner := (&scanner{finder: s.finder, lines: []line{{text: text}}, last: -1}); i+1 < to {
		if r, _, _, ok := inner.reply(0); ok {
			return r, max(to, i+1), anchored, true // The words only lead up to what a server replied.
		}
	}
	text = cutText("", afterAddress(text), code{})
	if _, said, ok := strings.Cut(text, "gave this error: "); ok {
		text = said
	}
	r = Reply{Text: clean(text), Server: spokenServer(l.text, low, len(l.text))}
	if s.recipient == "" && strings.Count(text, "@") == 1 {
		r.Recipient = findAddress(text)
	}
	return r, max(to, i+1), w, true
}

// consequence reports whether a reply only follows from one before: a client that goes on after a refused recipient is
// told that there is none.
func consequence(r Reply) bool {
	if r.Code != 503 && r.Code != 554 {
		return false
	}
	low := lower(r.Text[:min(len(r.Text), 100)])
	return containsAny(low, []string{
		"need rcpt", "no valid recipients", "valid rcpt", "no recipients", "need recipient", "need mail command", "rcpt first", "rcpt (recipient)",
	})
}
