// Package bounce finds SMTP replies in whatever people have: a returned letter, a mail log, or a piece of text pasted from
// either.
//
// # What a returned letter is
//
// A mail system that cannot deliver a letter writes one of its own to the sender. RFC 3464 says how: a multipart/report with
// a text for people, a part of type message/delivery-status for programs, and the letter itself or its header. In the second
// part each recipient has a group of fields, of which Diagnostic-Code holds the reply of the server that refused:
//
//	Reporting-MTA: dns; mail.example.org
//
//	Final-Recipient: rfc822; anna@example.com
//	Action: failed
//	Status: 5.1.1
//	Remote-MTA: dns; mx.example.com
//	Diagnostic-Code: smtp; 550 5.1.1 <anna@example.com>: no such user
//
// Half of the world's mail systems never learnt it, or write their reason into the text only, each in its own words. And
// people forward such a letter, quote it, or copy three lines of it into a ticket. So this package reads the fields
// where they are, and looks through the text for what a reply looks like: three digits, in a place where a reply stands.
//
// # What a reply is not
//
// Text is full of three digits that are no reply: ports, sizes, years, queue identifiers, telephone numbers. A number counts
// only where something says that it is a reply: an enhanced status code behind it, words of a mail system before it ("said:",
// "remote host said", "smtp;"), the beginning of a line with words behind that a refusal has, or nothing else in the whole
// text. What was returned (message/rfc822, text/rfc822-headers) is the sender's own and is not searched.
//
// # Bounds
//
// A letter comes from anybody. How much of it is read, how deep and how many its parts are, how long a line and how many
// replies: all has a limit, beyond which the rest is left alone without an error.
package bounce

import "github.com/mailprobe/mailprobe_exporter/catalog"

// The limits of what is read. Beyond them a letter goes unread, without an error.
const (
	MaxLetter  = 8 << 20 // Octets of a letter or a text.
	MaxReplies = 1000    // Replies found in one.
	MaxText    = 4 << 10 // Octets of a reply's text.
)

// A Reply is one reply found in a letter, a log or a pasted text.
type Reply struct {
	Code      int    // 200 to 599; 0 where a mail system says in its own words what went wrong ("Connection timed out").
	Enhanced  string // "5.7.1", or "".
	Text      string // What came behind the codes, white space folded, at most MaxText octets; the peer's words made valid UTF-8.
	Server    string // Host that answered, in lower case, if it is said; "" otherwise.
	Recipient string // Whose delivery it was about, if it is said.
	Reporter  string // Who reports it (Reporting-MTA or the mail system that wrote the letter), if it is said.
}

// A Message is what was found in a message or a text.
type Message struct {
	Kind      Kind
	Replies   []Reply
	Complaint string // Of a feedback report: its Feedback-Type, as "abuse" or "not-spam".
	Sender    string // Domain that the returned message was sent from; "" if none is named, or several are.
}

// A Summary says what a mail log holds.
type Summary struct {
	Lines        int     // Lines read.
	Known        int     // Of those, lines of a form that is known.
	Replies      int     // Replies that refuse or put off: the sum of all rows.
	Accepted     int     // Deliveries that went well.
	Inbound      int     // Refusals of our own server to others: left out, they are not about our mail.
	Rows         []Row   // The most frequent first.
	Unclassified []Reply // Up to 20 examples of replies that the catalogue does not know, each of another wording.
}

// A Row counts the replies of one provider for one cause.
type Row struct {
	Provider string          // By id; "" for those of nobody the catalogue knows.
	Cause    catalog.Cause   // What they are about.
	Count    int             // How many.
	Retry    catalog.Retry   // Of the example.
	Actor    catalog.Actor   // Of the example.
	Codes    []string        // "550 5.7.26", the most frequent first, at most 8.
	Example  Reply           // The first one.
	Entry    *catalog.Advice // What to tell people of the example; nil where the catalogue has nothing to say.
}
