package catalog

import (
	"cmp"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestClassify: what decides, and in which order.
func TestClassify(t *testing.T) {
	const microsoft, gmail, elsewhere = "example-org.mail.protection.outlook.com", "gmail-smtp-in.l.google.com", "mx.example.org"
	for _, test := range []struct {
		server   string
		code     int
		enhanced string
		text     string
		want     Cause
	}{
		// A positive reply is about nothing, whatever it says.
		{elsewhere, 250, "2.1.5", "user unknown", CauseOK},
		{elsewhere, 354, "", "", CauseOK},

		// The same enhanced code at Gmail, at Microsoft and as the registry has it.
		{gmail, 451, "4.7.23", "", CauseNoRDNS},
		{microsoft, 550, "5.7.23", "", CauseSPFFailed},
		{elsewhere, 550, "5.7.23", "", CauseSPFFailed},
		{gmail, 550, "5.7.27", "", CauseSPFFailed},
		{elsewhere, 550, "5.7.27", "", CauseSenderRejected},
		{gmail, 421, "4.7.29", "", CauseEncryptionRequired},
		{elsewhere, 550, "5.7.29", "", CauseUnauthenticated},
		{gmail, 550, "5.7.30", "", CauseDKIMFailed},
		{microsoft, 535, "5.7.30", "", CauseAuthFailed},
		{elsewhere, 550, "5.7.30", "", CauseTLSFailed},
		{microsoft, 550, "5.4.1", "Recipient address rejected: Access denied", CauseUserUnknown},
		{elsewhere, 550, "5.4.1", "", CauseNetwork},
		{gmail, 450, "4.2.1", "", CauseRateLimited},
		{elsewhere, 450, "4.2.1", "", CauseMailboxDisabled},

		// Ranges of codes, and those within them that mean something else.
		{microsoft, 451, "4.7.500", "Server busy", CauseRateLimited},
		{microsoft, 451, "4.7.650", "", CausePoorReputation},
		{microsoft, 451, "4.7.652", "", CauseTooManyConnections},
		{microsoft, 550, "5.7.606", "", CauseBlocklisted},
		{microsoft, 550, "5.7.705", "", CauseRateLimited},
		{microsoft, 550, "5.7.708", "", CausePoorReputation},
		{microsoft, 550, "5.1.8", "Access denied, bad outbound sender", CauseSenderRejected},

		// The text says more than a code, and a code of a provider that is sure more than a text.
		{gmail, 550, "5.7.1", "The user or domain has a policy that prohibited the mail. - gcdp", CausePolicy},
		{gmail, 550, "5.7.1", "Rejected by a content compliance rule of your organization. - gcdp", CauseContentRestricted},
		{gmail, 451, "4.7.23", "no PTR record, your email has been temporarily rate limited", CauseNoRDNS},
		{gmail, 421, "4.7.0", "IP not in whitelist for RCPT domain, closing connection.", CauseRecipientRestricted},
		{elsewhere, 550, "5.7.1", "Recipient address rejected: User unknown", CauseUserUnknown},
		{elsewhere, 550, "5.1.1", "Mailbox is full", CauseMailboxFull},
		{"", 550, "", "5.7.26 This mail is unauthenticated - gsmtp", CauseUnauthenticated},

		// The provider is told by its name, its id, or its words.
		{"outlook", 550, "5.7.1", "part of their network is on our block list (S3140)", CauseBlocklisted},
		{"eur.olc.protection.outlook.com", 421, "", "RP-001 some messages weren't sent", CauseRateLimited},
		{"", 421, "", "RP-001 some messages weren't sent. http://postmaster.live.com", CauseRateLimited},
		{"mx.zoho.com", 541, "5.4.1", "Mail rejected by destination domain", CausePolicy},
		{"mx3.qq.com", 550, "", "Ip frequency limited", CauseRateLimited},
		{"smtp-in.orange.fr", 550, "5.2.0", "Mail rejete. Mail rejected. OFR_506 [506]", CauseSpamContent},
		{"smtp-in.orange.fr", 550, "5.7.1", "Service refuse. OFR_506 [506] IP 192.0.2.71 is blocked", CauseBlocklisted},

		// Codes where no text helps. A vague one does not decide against words that nobody understood.
		{elsewhere, 550, "5.7.1", "", CausePolicy},
		{elsewhere, 550, "5.7.1", "Access denied", CausePolicy},
		{elsewhere, 550, "5.7.1", "qxz", CauseUnclassified},
		{elsewhere, 550, "5.4.4", "", CauseHostUnknown},
		{elsewhere, 550, "5.4.4", "qxz", CauseUnclassified},
		{elsewhere, 550, "5.1.1", "qxz", CauseUserUnknown},
		{elsewhere, 451, "4.3.0", "qxz", CauseServerError},
		{elsewhere, 554, "5.3.0", "qxz", CauseUnclassified},
		{elsewhere, 503, "5.5.1", "qxz", CauseBadSequence},
		{elsewhere, 535, "5.7.0", "qxz", CauseAuthFailed},
		{elsewhere, 421, "", "", CauseServerClosing},
		{elsewhere, 421, "", "mx.example.org closing connection", CauseServerClosing},
		{elsewhere, 421, "4.7.0", "qxz", CauseUnclassified},
		{elsewhere, 571, "", "qxz", CauseUnclassified},
		{elsewhere, 550, "", "", CauseUnclassified},
		{elsewhere, 550, "", "Transaction failed", CauseUnclassified},

		// Malformed codes, and an enhanced code of another class, count for nothing.
		{elsewhere, 550, "4.2.2", "", CauseUnclassified},
		{elsewhere, 550, "7.7.1", "", CauseUnclassified},
		{elsewhere, 550, "5.7", "", CauseUnclassified},
		{elsewhere, 550, "5.1.1.1", "", CauseUnclassified},
		{elsewhere, 5501, "", "", CauseUnclassified},
		{elsewhere, -1, "", "", CauseUnclassified},
		{gmail, 421, "5.7.32", "", CauseServerClosing},
		{gmail, 421, "5.7.32", "the From: header isn't aligned", CauseDMARCFailed}, // As Google documents it.

		// An enhanced code that stands in the text.
		{elsewhere, 550, "", "5.1.1 qxz", CauseUserUnknown},
		{elsewhere, 550, "", "#5.1.1 qxz", CauseUserUnknown},
		{elsewhere, 550, "", "qxz (#5.2.2)", CauseMailboxFull},
		{elsewhere, 550, "", "qxz (#4.2.2)", CauseUnclassified},
		{elsewhere, 550, "5.1.1", "qxz (#5.2.2)", CauseUserUnknown},

		// Codes and IP addresses do not tear sentences apart.
		{elsewhere, 550, "5.7.1", "the user 550-5.7.1 unknown 550 5.7.1 here", CauseUserUnknown},
		{elsewhere, 554, "", "Your host [192.0.2.25] is blocked", CauseBlocklisted},
		{elsewhere, 554, "", "Your host 2001:db8::25 is blocked", CauseBlocklisted},

		// Words within addresses are not said of the letter.
		{elsewhere, 550, "", "qxz <spam@example.org> qxz", CauseUnclassified},
		{elsewhere, 550, "", "qxz spam@virus.example qxz", CauseUnclassified},
		{elsewhere, 550, "", "see http://www.example.org/virus/spam?dmarc", CauseUnclassified},
		{elsewhere, 550, "", "<spam@example.org>: user unknown", CauseUserUnknown},
		{elsewhere, 550, "", "qxz spam", CauseSpamContent},

		// Case, white space, other alphabets, and where words begin.
		{elsewhere, 550, "", "USER \t\r\n  Unknown", CauseUserUnknown},
		{elsewhere, 550, "", "ПОЛЬЗОВАТЕЛЬ НЕ НАЙДЕН", CauseUserUnknown},
		{elsewhere, 450, "", "you are Greylisted", CauseGreylisted},
		{elsewhere, 550, "", "unspammed", CauseUnclassified},

		// What a mail system says in its own words.
		{"", 0, "", "connect to mx.example.org[192.0.2.25]:25: Connection timed out", CauseNetwork},
		{"", 0, "4.4.3", "", CauseDNSFailure},
		{"", 0, "", "delivery temporarily suspended; message expired after 5 days in queue", CauseDeliveryExpired},
	} {
		if got := Default().Classify(test.server, test.code, test.enhanced, test.text); got.Cause != test.want {
			t.Errorf("Classify(%q, %d, %q, %q) = %q (%+v), want %q", test.server, test.code, test.enhanced, test.text, got.Cause, got.Entry, test.want)
		}
	}
}

// TestRanks: of two entries that match the same reply the one that looks closer wins, in whichever order they stand.
func TestRanks(t *testing.T) {
	code, enhanced := Match{Codes: []int{550}}, Match{Enhanced: []string{"5.7.1"}}
	text := func(phrases ...string) Match { return Match{Text: phrases} }
	for name, test := range map[string]struct{ better, worse Reply }{
		"enhanced over code":        {Reply{Match: enhanced}, Reply{Match: code}},
		"provider over enhanced":    {Reply{Match: code, Provider: "a"}, Reply{Match: enhanced}},
		"text over provider":        {Reply{Match: text("two")}, Reply{Match: enhanced, Provider: "a"}},
		"sure over text":            {Reply{Match: enhanced, Provider: "a", Sure: true}, Reply{Match: text("one two three four")}},
		"provider's text over sure": {Reply{Match: text("two"), Provider: "a"}, Reply{Match: enhanced, Provider: "a", Sure: true}},
		"longer phrase":             {Reply{Match: text("three four")}, Reply{Match: Match{Text: []string{"one two"}, Codes: []int{550}}}},
		"more conditions":           {Reply{Match: Match{Text: []string{"two"}, Codes: []int{550}}}, Reply{Match: text("one")}},
		"also is a condition":       {Reply{Match: Match{Text: []string{"two"}, Also: []string{"four"}}}, Reply{Match: text("one")}},
		"earlier phrase":            {Reply{Match: text("one")}, Reply{Match: text("two")}},
		"not holds":                 {Reply{Match: text("one")}, Reply{Match: Match{Text: []string{"one two three"}, Not: []string{"four"}}}},
		"also fails":                {Reply{Match: text("one")}, Reply{Match: Match{Text: []string{"one two three"}, Also: []string{"five"}}}},
		"another code":              {Reply{Match: text("one")}, Reply{Match: Match{Text: []string{"one two three"}, Codes: []int{551}}}},
		"another provider":          {Reply{Match: text("one")}, Reply{Match: text("one two three"), Provider: "b"}},
	} {
		test.better.ID, test.worse.ID = "better", "worse"
		for _, replies := range [][]*Reply{{&test.better, &test.worse}, {&test.worse, &test.better}} {
			c, err := newClassifier(&Catalog{replies: replies})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got, _, _ := c.classify("a", 550, "5.7.1", "one two three four", ""); got.Entry == nil || got.Entry.ID != "better" {
				t.Errorf("%s: %+v", name, got.Entry)
			}
		}
	}
}

// TestNear: a pattern asks for words of one clause, near the first, in any order, and for what does not stand beside them.
func TestNear(t *testing.T) {
	words := map[string][]string{"box": {"mailbox", "postfach*"}}
	far := strings.Repeat("and so on ", nearWords)
	for _, test := range []struct {
		near, text string
		want       bool
	}{
		{"$box full", "the mailbox is full", true},
		{"$box full", "full is this mailbox", true},
		{"$box full", "das Postfachkonto ist full", true},
		{"$box full", "the mailboxes are full", false},
		{"$box full", "the mailbox is fuller", false},
		{"$box full", "the mailbox is new. The disk is full", false},
		{"$box full", "mailbox (192.0.2.1): FULL!", true},
		{"$box full", "mailbox " + far + "full", false},
		{"$box full|voll", "mailbox voll", true},
		{"$box over_quota", "over-quota is the mailbox", true},
		{"$box over_quota", "over the quota is the mailbox", false},
		{"$box full -disk*", "mailbox full, as all disks", false},
		{"$box full -disk*", "mailbox full; disks, too", true},
		{"$box $box", "mailbox", false},
		{"full", "say full@example.org", false},
		{"full", "full.example.org said", false},
		{"full", "see /var/full/mail", false},
		{"@address full", "<anna@example.org> full", true},
		{"@address full", "example.org full", false},
		{"@host full", "mx.example.org: full", true},
		{"@host full", "please.Full", false},
		{"@ip full", "full: 192.0.2.1", true},
		{"@ip full", "[2001:db8::1] full", true},
		{"@ip full", "192.0.2 full", false},
		{"uberfullt", "ÜBERFÜLLT", true},
		{"can't", "can’t", true},
		{"满", "邮箱已满", true},
	} {
		c, err := newClassifier(&Catalog{words: words, replies: []*Reply{{Match: Match{Near: []string{test.near}}}}})
		if err != nil {
			t.Fatal(err)
		}
		if got, _, _ := c.classify("", 550, "", test.text, ""); (got.Entry != nil) != test.want {
			t.Errorf("%q in %q: %v, want %v", test.near, test.text, got.Entry != nil, test.want)
		}
	}
}

// TestFinerEntries: one cause has several entries where the advice differs.
func TestFinerEntries(t *testing.T) {
	for text, want := range map[string]string{
		"Server busy. Please try again later from [203.0.113.9]. (AS77713120) AS(4810)":    "microsoft_busy",
		"TLS is required, but was not offered by host mx.example.net[192.0.2.1]":           "reply_tls_not_offered",
		"Server offers no STARTTLS, tls required":                                          "reply_tls_not_offered",
		"TLS session failed: certificate has expired":                                      "reply_tls_certificate",
		"Cannot start TLS: certificate verify failed: self-signed certificate":             "reply_tls_certificate",
		"DANE validation failed: no TLSA record fits the certificate":                      "reply_tls_policy",
		"mail for example.net violates the MTA-STS policy: certificate mismatch":           "reply_tls_policy",
		"TLS handshake failed: no shared cipher":                                           "reply_tls_failed",
		"TLS connect failed: unsupported protocol version":                                 "reply_tls_failed",
		"<a@example.org>: Sender address rejected: not owned by user b@example.org":        "reply_sender_not_owned",
		"SendAsDenied; b@example.org not allowed to send as a@example.org":                 "reply_sender_not_owned",
		"sender address must match the authenticated user":                                 "reply_sender_not_owned",
		"<a@example.invalid>: Sender address rejected: Domain not found":                   "reply_sender_unresolved",
		"your envelope sender domain must exist":                                           "reply_sender_unresolved",
		"null sender is refused here":                                                      "reply_sender_null",
		"sender verify failed":                                                             "reply_sender_rejected",
		"The user you are trying to contact is receiving mail too quickly":                 "reply_recipient_rate",
		"Daily user sending quota exceeded":                                                "reply_sending_quota",
		"Domain example.org has exceeded the max emails per hour (150/100 (150%)) allowed": "reply_sending_quota",
		"too many messages from your IP, slow down":                                        "reply_rate_limited",
		"too many unknown recipients":                                                      "reply_rate_limited",
	} {
		got := "none"
		if e := Default().Classify("", 550, "", text).Entry; e != nil {
			got = e.ID
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestDenied: what a text denies, or says is in order, is not the reason.
func TestDenied(t *testing.T) {
	for text, want := range map[string]Cause{
		"not a blacklisted sender, but unknown user":                             CauseUserUnknown,
		"203.0.113.9 is not listed on any blocklist, yet you have no PTR record": CauseNoRDNS,
		"reverse DNS OK, but the user is unknown":                                CauseUserUnknown,
		"SPF pass, DKIM pass, mailbox is full":                                   CauseMailboxFull,
		"SPF: pass; DKIM signature invalid":                                      CauseDKIMFailed,
		"dmarc=pass, user unknown":                                               CauseUserUnknown,
		"spam: no, virus: none, mailbox full":                                    CauseMailboxFull,
		"this is not spam, the message is too large":                             CauseMessageTooBig,
		"not accepted: spam":                                                     CauseSpamContent,
		"not accepted, your host is blacklisted":                                 CauseBlocklisted,
		"the message is spam. If you believe that it is not spam, write to us":   CauseSpamContent,
		"SPF must pass": CauseSPFFailed,
		"greylisted (no SPF record found for example.org)": CauseGreylisted,
		"blacklisted: no PTR record":                       CauseBlocklisted,
		"blacklisted: no":                                  CauseUnclassified,
		"SPF none, user unknown":                           CauseUserUnknown,
		"no SPF record found":                              CauseSPFFailed,
		"neither SPF nor DKIM passes":                      CauseUnauthenticated,
		"addressee not registered on this host":            CauseUserUnknown,
		"SPF: no record":                                   CauseSPFFailed,
		"SPF did not pass":                                 CauseSPFFailed,
		"your reverse DNS must be correct":                 CauseNoRDNS,
		"your IP is not in order: blacklisted":             CauseBlocklisted,

		"ваш адрес не находится в чёрном списке, но ящик переполнен": CauseMailboxFull,
	} {
		if got := Default().Classify("", 550, "", text).Cause; got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestWins: of two causes the catalogue says which one is the reason, and a general entry yields to every other.
func TestWins(t *testing.T) {
	entry := func(id string, cause Cause, general bool, phrase string) *Reply {
		return &Reply{Advice: Advice{ID: id}, Verdict: Verdict{Cause: cause}, General: general, Match: Match{Text: []string{phrase}}}
	}
	c, err := newClassifier(&Catalog{
		wins: map[Cause][]Cause{CauseMailboxFull: {CauseUserUnknown}},
		replies: []*Reply{
			entry("full", CauseMailboxFull, false, "is full"), entry("unknown", CauseUserUnknown, false, "unknown user"),
			entry("policy", CausePolicy, true, "rejected for reasons of policy"), entry("long", CauseUserUnknown, false, "no user of this name is here"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"unknown user: is full": "full", "rejected for reasons of policy: unknown user": "unknown", "rejected for reasons of policy": "policy",
		"no user of this name is here, all is full": "long", // Words that are more than twice as long say more.
	} {
		if got, _, _ := c.classify("", 550, "", text, ""); got.Entry == nil || got.Entry.ID != want {
			t.Errorf("%q: %v, want %s", text, got.Entry != nil, want)
		}
	}
}

// TestFold: how texts and phrases are made comparable.
func TestFold(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		" \t\r\n":                       "",
		" User\tUnknown\r\n ":           "user unknown",
		"ЯЩИК Полон":                    "ящик полон",
		"550-5.7.1 a 550 5.7.1 b":       "a b",
		"550-a 550 b 5.7.1, c 5.7.1:":   "a 550 b c",
		"650-5.7.1 7.7.1 5.7 5.7.1.300": "650-5.7.1 7.7.1 5.7 5.7.1.300",
		"host [192.0.2.1] is, (192.0.2.1) or 192.0.2.1 was": "host is, or was",
		"host [IPv6:2001:db8::1] is or 2001:db8::1. ":       "host is or .",
		"host [2001:db8::1] [TS01] [1.2 x[192.0.2.1]":       "host [ts01] [1.2 x[192.0.2.1]",
	} {
		if got := fold(text); got != want {
			t.Errorf("fold(%q) = %q, want %q", text, got, want)
		}
	}
}

// TestClassifyRetry: who says 4 wants to be asked again, whatever the reason; who says 5 does not.
func TestClassifyRetry(t *testing.T) {
	for _, test := range []struct {
		code int
		text string
		want Retry
	}{
		{550, "user unknown", RetryNo}, {450, "user unknown", RetryLater}, {450, "greylisted", RetryLater}, {451, "milter error", RetryYes},
	} {
		if got := Default().Classify("", test.code, "", test.text); got.Retry != test.want || got.Actor == "" {
			t.Errorf("%d %s: retry %q, actor %q, want retry %q", test.code, test.text, got.Retry, got.Actor, test.want)
		}
	}
}

// TestNoRefusalIsOK: whatever the codes, nothing that begins with 4 or 5 is in order.
func TestNoRefusalIsOK(t *testing.T) {
	c := Default()
	for _, class := range []string{"4", "5"} {
		for _, e := range c.EnhancedCodes() {
			for _, code := range []int{0, 450, 550} {
				for _, text := range []string{"", "qxz", "250 Done"} {
					if got := c.Classify("", code, class+"."+e.Detail, text); got.Cause == CauseOK && (code == 0 || threeDigits(code)[:1] == class) {
						t.Errorf("%d %s.%s %s is ok", code, class, e.Detail, text)
					}
				}
			}
		}
	}
	for code := 400; code < 600; code++ {
		if got := c.Classify("", code, "", ""); got.Cause == CauseOK {
			t.Errorf("%d is ok", code)
		}
	}
	entry := *c.Replies()[0]
	entry.ID, entry.Cause = "own_ok", CauseOK
	entry.Match = Match{Text: []string{"qxz"}}
	if _, err := c.With([]*Reply{&entry}, nil); err == nil {
		t.Error("an entry that says ok of refusals is taken")
	}
}

// TestClassifyNames: who answered and which list is named is told beside the cause.
func TestClassifyNames(t *testing.T) {
	for _, test := range []struct{ server, text, provider, list string }{
		{"mx.example.org", "Client host [192.0.2.25] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.25", "", "spamhaus_zen"},
		{"mx.example.org", "rejected, see http://www.spamcop.net/bl.shtml?192.0.2.25", "", "spamcop"},
		{"mx.example.org", "listed in dnsbl-3.uceprotect.net", "", "uceprotect_3"},
		{"mx.example.org", "user unknown", "", ""},
		{"mx.example.org", "list.dnswl.org does not know you", "", ""},
		{"aspmx.l.google.com", "user unknown", "google", ""},
		{"", "message refused; see https://postmaster.yahooinc.com/error-codes", "yahoo", ""},
		{"yandex", "spam", "yandex", ""},
		{"aspmx.l.google.com", "see https://postmaster.yahooinc.com/error-codes", "google", ""},
	} {
		got := Default().Classify(test.server, 554, "5.7.1", test.text)
		if got.Provider != test.provider || got.Blocklist != test.list {
			t.Errorf("%s %q: provider %q, list %q, want %q and %q", test.server, test.text, got.Provider, got.Blocklist, test.provider, test.list)
		}
		if test.list != "" && got.Cause != CauseBlocklisted {
			t.Errorf("%q: cause %q", test.text, got.Cause)
		}
	}
}

// TestOwnEntries: what an operator wrote comes first, however little it asks for, and takes the place of an entry of the same id.
func TestOwnEntries(t *testing.T) {
	text := []Text{{"x", "x"}}
	advice := Advice{ID: "own", Title: text[0], Meaning: text[0], Causes: text, Remedies: []Remedy{{Text: text[0]}}, References: []string{"RFC 5321"}}
	own := &Reply{Advice: advice, Verdict: Verdict{CausePolicy, RetryNo, ActorSender}, Match: Match{Codes: []int{550}}}
	c, err := Default().With([]*Reply{own}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Classify("gmail-smtp-in.l.google.com", 550, "5.1.1", "user unknown"); got.Entry.ID != "own" {
		t.Errorf("the operator's entry loses to %s", got.Entry.ID)
	}
	if got := c.Classify("", 551, "", "user unknown"); got.Cause != CauseUserUnknown {
		t.Errorf("an entry for another code: cause %q", got.Cause)
	}
	if got := Default().Classify("", 550, "", "user unknown"); got.Cause != CauseUserUnknown {
		t.Errorf("the catalogue below was changed: cause %q", got.Cause)
	}

	own.ID, own.Match = "reply_user_unknown", Match{Text: []string{"qxz"}}
	if c, err = Default().With([]*Reply{own}, nil); err != nil {
		t.Fatal(err)
	}
	if got := c.Classify("", 550, "", "no such user"); got.Entry.ID == "reply_user_unknown" {
		t.Errorf("the replaced entry is still there")
	}
	twin := *own
	twin.ID = "twin"
	for _, replies := range [][]*Reply{{own, &twin}, {own, own}, {{Advice: advice}}} {
		if _, err := Default().With(replies, nil); err == nil {
			t.Errorf("With(%+v) takes entries that are incomplete or contradict each other", replies)
		}
	}
}

// TestClassifyLongText: the beginning of a text is looked at, and no more, so that it does not matter how long it is.
func TestClassifyLongText(t *testing.T) {
	const mb = 1 << 20
	for text, want := range map[string]Cause{
		"user unknown " + strings.Repeat("spam ", mb/5):      CauseUserUnknown,
		strings.Repeat(" ", mb) + "user unknown":             CauseUnclassified,
		strings.Repeat("  5.7.1 ", mb/8) + "user unknown":    CausePolicy,
		strings.Repeat("@", mb):                              CauseUnclassified,
		strings.Repeat("[1.2.3.4", mb/8):                     CauseUnclassified,
		strings.Repeat("\xff", mb):                           CauseUnclassified,
		strings.Repeat("#5.1.1", mb/6):                       CauseUserUnknown,
		strings.Repeat("x ", maxText/2-6) + "user unknown":   CauseUserUnknown,
		strings.Repeat("x ", maxText/2) + " user unknown ":   CauseUnclassified,
		"user unknown" + strings.Repeat("\x00", mb) + "spam": CauseUserUnknown,
	} {
		if got := Default().Classify("", 550, "", text).Cause; got != want {
			t.Errorf("%.20q... = %q, want %q", text, got, want)
		}
	}
}

//go:embed testdata/replies.txt
var seen string

//go:embed testdata/unseen.txt
var unseen string

//go:embed testdata/worded.txt
var worded string

//go:embed testdata/worded_aside.txt
var wordedAside string

//go:embed testdata/systems.txt
var systems string

//go:embed testdata/systems_aside.txt
var systemsAside string

// corpusReply is a line of one of them.
type corpusReply struct {
	want           []string // Causes, any of which is right.
	server         string
	code           int
	enhanced, text string
}

func readCorpus(t testing.TB, corpus string) (out []corpusReply) {
	for line := range strings.Lines(corpus) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 5 {
			t.Fatalf("%q: %d fields, want 5", line, len(f))
		}
		r := corpusReply{want: strings.Split(f[0], "|"), server: f[1], enhanced: f[3], text: f[4]}
		if f[2] != "" {
			var err error
			if r.code, err = strconv.Atoi(f[2]); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		}
		for _, cause := range r.want {
			if !slices.Contains(Causes(), Cause(cause)) {
				t.Fatalf("%q: %q is not a cause", line, cause)
			}
		}
		out = append(out, r)
	}
	return out
}

// judge classifies replies and returns a line for each that is not right, and how many of them are wrong, which is worse than
// to say nothing.
func judge(replies []corpusReply) (failed []string, wrong int) {
	for _, r := range replies {
		got := Default().Classify(r.server, r.code, r.enhanced, r.text).Cause
		if slices.Contains(r.want, string(got)) {
			continue
		}
		failed = append(failed, strings.Join(r.want, " or ")+", not "+string(got)+": "+r.text)
		if got != CauseUnclassified {
			wrong++
		}
	}
	return failed, wrong
}

// TestSeen guards against going back. The phrases were chosen with these texts in sight, so the share says nothing about texts
// that nobody has seen: it only must not fall when entries are added.
func TestSeen(t *testing.T) {
	replies := readCorpus(t, seen)
	failed, wrong := judge(replies)
	if n := len(replies); n < 950 || len(failed)*100 > 5*n || wrong*100 > 3*n {
		t.Errorf("of %d replies %d are not right and %d of these wrong; at most 5%% and 3%% may be:\n%s", n, len(failed), wrong, strings.Join(failed, "\n"))
	}
}

// TestUnseen measures what is promised of texts that nobody had in sight: nine of ten. No phrase may be chosen by them, so what
// fails is not told.
func TestUnseen(t *testing.T) {
	for name, corpus := range map[string]string{"unseen": unseen, "systems_aside": systemsAside} {
		replies := readCorpus(t, corpus)
		failed, wrong := judge(replies)
		n := len(replies)
		t.Logf("%s: of %d replies %d are right, %d wrong and %d unclassified", name, n, n-len(failed), wrong, len(failed)-wrong)
		if n < 100 || len(failed)*10 > n {
			t.Errorf("%s: of %d replies %d are not right; at most one of ten may be", name, n, len(failed))
		}
	}
}

// TestWorded holds the patterns to what is promised: of all wordings at least 95 of 100 right, and at most one wrong.
func TestWorded(t *testing.T) {
	for name, corpus := range map[string]string{"worded": worded, "worded_aside": wordedAside, "systems": systems} {
		replies := readCorpus(t, corpus)
		failed, wrong := judge(replies)
		n := len(replies)
		t.Logf("%s: of %d replies %d are right, %d wrong and %d unclassified", name, n, n-len(failed), wrong, len(failed)-wrong)
		if n < 180 || len(failed)*100 > 5*n || wrong*100 > n {
			t.Errorf("%s: of %d replies %d are not right and %d of these wrong; at most 5%% and 1%% may be:\n%s", name, n, len(failed), wrong, strings.Join(failed, "\n"))
		}
	}
}

// TestFrames: what bounces put around a reply, and what servers add to it, does not change its cause.
func TestFrames(t *testing.T) {
	for _, frame := range []string{
		"host mx1.example.net[198.51.100.7] said: %s (in reply to RCPT TO command)",
		"<kim@example.net>: %s",
		"SMTP error from remote mail server after MAIL FROM:<anna@example.org> SIZE=4711: %s",
		"SMTP error from remote mail server after end of data: %s",
		"198.51.100.7 failed after I sent the message. Remote host said: %s",
		"The error that the other server returned was: %s",
		"Delivery to the following recipient failed permanently: %s",
		"Your message to kim@example.net could not be delivered: %s",
		"Sorry, %s",
		"%s. For more information see https://support.example.net/help?code=5",
		"%s. If you believe that this is an error, contact postmaster@example.net or your administrator",
		"%s [mx1.example.net 2026-02-11T09:14:22.871Z 08DE61F2A7B0C5D1]",
		"%s - reverse DNS ok, SPF pass, not blacklisted",
		"%s. Please visit our postmaster page",
	} {
		n, wrong, unclassified := 0, 0, 0
		for _, r := range slices.Concat(readCorpus(t, systems), readCorpus(t, worded)) {
			if !slices.Contains(r.want, string(Default().Classify(r.server, r.code, r.enhanced, r.text).Cause)) {
				continue
			}
			n++
			got := Default().Classify(r.server, r.code, r.enhanced, fmt.Sprintf(frame, r.text)).Cause
			switch {
			case slices.Contains(r.want, string(got)):
			case got == CauseUnclassified:
				unclassified++
			default:
				wrong++
			}
		}
		t.Logf("%q: of %d replies %d are wrong and %d unclassified", frame, n, wrong, unclassified)
		if n < 1000 || 100*wrong > n || 50*unclassified > n {
			t.Errorf("%q: of %d replies %d are wrong and %d unclassified; at most 1%% and 2%% may be", frame, n, wrong, unclassified)
		}
	}
}

// FuzzClassify: whatever comes, there is an answer from the closed sets, and the same one each time.
func FuzzClassify(f *testing.F) {
	for _, r := range readCorpus(f, seen) {
		if len(r.text)%8 == 0 {
			f.Add(r.server, r.code, r.enhanced, r.text)
		}
	}
	f.Add("\xff", -550, "5..", "\xc3[::1]550-5.1.1@://#5.1.1")
	f.Add("google", 1<<31, "5.7.1", strings.Repeat("(", maxText+1))
	c := Default()
	f.Fuzz(func(t *testing.T, server string, code int, enhanced, text string) {
		got := c.Classify(server, code, enhanced, text)
		if !slices.Contains(Causes(), got.Cause) {
			t.Errorf("cause %q", got.Cause)
		}
		if got.Provider != "" && c.ProviderByID(got.Provider) == nil {
			t.Errorf("provider %q", got.Provider)
		}
		if _, ok := c.BlocklistByID(got.Blocklist); got.Blocklist != "" && !ok {
			t.Errorf("blocklist %q", got.Blocklist)
		}
		if (got.Entry == nil) != (got.Retry == "" && got.Actor == "") {
			t.Errorf("entry %v, retry %q, actor %q", got.Entry, got.Retry, got.Actor)
		}
		if again := c.Classify(server, code, enhanced, text); again != got {
			t.Errorf("%+v, then %+v", got, again)
		}
		folded := []byte(fold(text))
		if utf8.ValidString(text) != utf8.Valid(folded) && !utf8.Valid(folded) {
			t.Errorf("fold makes %q of %q", folded, text)
		}
	})
}

// BenchmarkClassify measures texts of 512 octets: a rejection as servers write it, one of nothing but phrases, and one in which
// nothing is found. Each must stay under 20 µs.
func BenchmarkClassify(b *testing.B) {
	c := Default()
	typical := "Our system has detected that this message is likely unsolicited mail. To reduce the amount of spam that we receive, this message " +
		"from [192.0.2.25] has been blocked. 550-5.7.1 Please visit https://mx.example.org/help/rejected?id=20260815.1 for more information. "
	for name, text := range map[string]string{
		"typical": typical, "phrases": longest(c.classifier.phrases, 512), "nothing": "zq xw jk vb qqq zzz ",
	} {
		text = strings.Repeat(text, 512/len(text)+1)[:512]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Classify("mx.example.org", 550, "5.7.1", text)
			}
		})
	}
}

// longest makes a text of the phrases of a set whose first two octets most others begin with: the most work for its length.
func longest(s *phraseSet, size int) string {
	begins := map[string][]string{}
	for p := range s.ids {
		begins[p.text[:2]] = append(begins[p.text[:2]], p.text)
	}
	rows := slices.Collect(maps.Values(begins))
	for _, row := range rows {
		slices.Sort(row)
	}
	slices.SortFunc(rows, func(a, b []string) int { return cmp.Or(len(b)-len(a), strings.Compare(a[0], b[0])) })
	var out strings.Builder
	for i := 0; out.Len() < size; i++ {
		row := rows[i%len(rows)]
		out.WriteString(row[i/len(rows)%len(row)] + " ")
	}
	return out.String()
}
