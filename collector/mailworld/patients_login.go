package mailworld

// loginPatients have a server at which nobody can log in.
var loginPatients = []patient{
	{"wrong-password", "The server does not take the password.", "auth_failed", onServer, func(w *World, h *home) {
		h.submission(w, 587)
	}},
	{"login-later", "The server cannot reach what knows the passwords.", "auth_deferred", onServer, func(w *World, h *home) {
		h.submission(w, 587).says("AUTH", "454 4.7.0 Temporary authentication failure\r\n")
	}},
	{"strange-login", "The server offers only ways to log in that mail programs do not know.", "auth_missing", onServer, func(w *World, h *home) {
		s := h.submission(w, 587)
		s.server.Extensions = append(s.server.Extensions[:len(s.server.Extensions)-1], "AUTH GSSAPI")
	}},
	{"password-kept", "The certificate is for another name, so that no password is sent.", "auth_withheld", onServer, func(w *World, h *home) {
		s := h.submission(w, 587)
		s.server.Accounts = map[string]string{demoUser: demoPassword}
		s.certificate.Names = []string{"www." + h.domain}
		h.shows("certificate_name_mismatch", s.target())
	}},
}

// recipientPatients have a server that does not take a letter that it should take, or takes one that it should not.
var recipientPatients = []patient{
	{"no-postmaster", "The server does not know its own postmaster.", "recipient_refused", onServer, func(_ *World, h *home) {
		h.asked().says("RCPT", "550 5.1.1 <postmaster@"+h.domain+">: Recipient address rejected: User unknown in local recipient table\r\n")
	}},
	{"full-mailbox", "The postmaster's mailbox is full.", "recipient_deferred", onServer, func(_ *World, h *home) {
		h.asked().says("RCPT", "452 4.2.2 Mailbox full\r\n")
	}},
	{"greylisted-recipient", "The server puts a new sender off, and takes the letter later.", "recipient_greylisted", onServer, func(_ *World, h *home) {
		h.asked().server.Greylists = true
		h.shows("recipient_deferred", h.hosts[0].target())
	}},
	{"no-sender-wanted", "The server does not want the sender.", "recipient_sender_refused", onServer, func(_ *World, h *home) {
		h.asked().says("MAIL", "550 5.1.8 Sender address rejected: Domain not found\r\n")
	}},
	{"relay", "The server takes letters from anybody to anywhere.", "relay_suspected", onServer, func(_ *World, h *home) {
		h.hosts[0].config = "relay_test: {from: probe@" + h.domain + ", to: nobody@example.net}"
	}},
}

// asked has a domain's server asked to take a letter for the postmaster, and returns it.
func (h *home) asked() *host {
	h.hosts[0].config = "recipient: {address: postmaster@" + h.domain + "}"
	return h.hosts[0]
}
