package catalog

// A Text is said in both languages.
type Text struct {
	EN string `yaml:"en"`
	RU string `yaml:"ru"`
}

// A Lang is a language of the catalogue.
type Lang string

// The languages.
const (
	English Lang = "en"
	Russian Lang = "ru"
)

// In returns the text in a language; English where the language is neither.
func (t Text) In(l Lang) string {
	if l == Russian {
		return t.RU
	}
	return t.EN
}

// An Advice is what the catalogue says to people about one thing: what it means, where it comes from and what helps.
type Advice struct {
	ID         string   `yaml:"id"`         // Public name, in lower case with underscores.
	Title      Text     `yaml:"title"`      // A line without a full stop.
	Meaning    Text     `yaml:"meaning"`    // One to three sentences.
	MeaningIf  []Remedy `yaml:"meaning_if"` // What it means instead where some values are known: the first that applies.
	Causes     []Text   `yaml:"causes"`     // The most likely first.
	Remedies   []Remedy `yaml:"remedies"`   // What to do, the first thing first.
	References []string `yaml:"references"` // "RFC 5321 section 4.2", or addresses of pages.
	Example    Values   `yaml:"example"`    // Values for the documentation where the general ones do not fit: see Values.
	Programs   []string `yaml:"programs"`   // Settings in mail programs that the remedies speak of: see SettingByID.
}

// A Cause says in one word what a reply is about.
type Cause string

// The causes. They are labels and the words of alert rules: the set is closed. One is added when none of these
// is true and the remedy differs.
const (
	CauseOK           Cause = "ok"
	CauseUnclassified Cause = "unclassified"

	// The recipient.
	CauseUserUnknown         Cause = "user_unknown"
	CauseMailboxFull         Cause = "mailbox_full"
	CauseMailboxDisabled     Cause = "mailbox_disabled"
	CauseMailboxMoved        Cause = "mailbox_moved"
	CauseRecipientRestricted Cause = "recipient_restricted" // Accepts only some senders.
	CauseHostUnknown         Cause = "host_unknown"         // No such domain, or none of its MX can be used.
	CauseNotAcceptingMail    Cause = "not_accepting_mail"   // 521, null MX, or 554 in the greeting without a reason.

	// Who we are.
	CauseNoRDNS          Cause = "no_rdns"
	CauseBadHelo         Cause = "bad_helo"
	CauseDynamicAddress  Cause = "dynamic_address"
	CauseBlocklisted     Cause = "blocklisted" // A list is named, or the server says that it blocks the address or domain.
	CausePoorReputation  Cause = "poor_reputation"
	CauseSenderRejected  Cause = "sender_rejected" // Address or domain of the sender.
	CauseSPFFailed       Cause = "spf_failed"
	CauseDKIMFailed      Cause = "dkim_failed"
	CauseDMARCFailed     Cause = "dmarc_failed"
	CauseUnauthenticated Cause = "unauthenticated" // Several of them, or which one is not said.

	// How much.
	CauseGreylisted         Cause = "greylisted"
	CauseRateLimited        Cause = "rate_limited"
	CauseTooManyConnections Cause = "too_many_connections"
	CauseTooManyRecipients  Cause = "too_many_recipients"
	CauseMessageTooBig      Cause = "message_too_big"

	// What is in the letter.
	CauseSpamContent       Cause = "spam_content"
	CauseVirus             Cause = "virus"
	CauseMalformedMessage  Cause = "malformed_message"
	CauseContentRestricted Cause = "content_restricted" // By a rule of the sender's own organisation.
	CausePolicy            Cause = "policy"             // A rule of the receiver, no more said.

	// Rights and keys.
	CauseRelayDenied        Cause = "relay_denied"
	CauseAuthRequired       Cause = "auth_required"
	CauseAuthFailed         Cause = "auth_failed"
	CauseEncryptionRequired Cause = "encryption_required"
	CauseTLSFailed          Cause = "tls_failed"    // Certificate, DANE, MTA-STS or STARTTLS as the other side saw it.
	CausePortMismatch       Cause = "port_mismatch" // TLS where the port speaks clear text, or the other way round.

	// The machine.
	CauseStorageFull     Cause = "storage_full"
	CauseServerError     Cause = "server_error"
	CauseServerClosing   Cause = "server_closing"
	CauseDNSFailure      Cause = "dns_failure"
	CauseNetwork         Cause = "network" // Connection lost, no route, timeout.
	CauseMailLoop        Cause = "mail_loop"
	CauseDeliveryExpired Cause = "delivery_expired"

	// The dialogue.
	CauseSyntaxError        Cause = "syntax_error"
	CauseBadSequence        Cause = "bad_sequence"
	CauseNotImplemented     Cause = "not_implemented"
	CauseUnsupportedAddress Cause = "unsupported_address"
)

// Causes returns all causes.
func Causes() []Cause {
	return []Cause{
		CauseOK, CauseUnclassified,
		CauseUserUnknown, CauseMailboxFull, CauseMailboxDisabled, CauseMailboxMoved, CauseRecipientRestricted, CauseHostUnknown, CauseNotAcceptingMail,
		CauseNoRDNS, CauseBadHelo, CauseDynamicAddress, CauseBlocklisted, CausePoorReputation, CauseSenderRejected,
		CauseSPFFailed, CauseDKIMFailed, CauseDMARCFailed, CauseUnauthenticated,
		CauseGreylisted, CauseRateLimited, CauseTooManyConnections, CauseTooManyRecipients, CauseMessageTooBig,
		CauseSpamContent, CauseVirus, CauseMalformedMessage, CauseContentRestricted, CausePolicy,
		CauseRelayDenied, CauseAuthRequired, CauseAuthFailed, CauseEncryptionRequired, CauseTLSFailed, CausePortMismatch,
		CauseStorageFull, CauseServerError, CauseServerClosing, CauseDNSFailure, CauseNetwork, CauseMailLoop, CauseDeliveryExpired,
		CauseSyntaxError, CauseBadSequence, CauseNotImplemented, CauseUnsupportedAddress,
	}
}

// AboutUs reports whether a cause, given in a greeting or in the answer to EHLO, speaks of who connects rather than of the
// server: another client would be let in.
func (c Cause) AboutUs() bool {
	switch c {
	case CauseBlocklisted, CauseNoRDNS, CauseBadHelo, CauseDynamicAddress, CausePoorReputation, CauseRateLimited, CauseTooManyConnections:
		return true
	}
	return false
}

// A Retry says whether sending again helps.
type Retry string

// The values of Retry.
const (
	RetryYes   Retry = "yes"   // Within minutes.
	RetryNo    Retry = "no"    // Not before something was changed.
	RetryLater Retry = "later" // By itself, after hours or days.
)

// An Actor is who can do something about a reply.
type Actor string

// The actors.
const (
	ActorSender    Actor = "sender"
	ActorRecipient Actor = "recipient"
	ActorProvider  Actor = "provider"
	ActorNetwork   Actor = "network"
)

// A Verdict says what a reply is about and what a sender may conclude.
type Verdict struct {
	Cause Cause `yaml:"cause"`
	Retry Retry `yaml:"retry"`
	Actor Actor `yaml:"actor"`
}
