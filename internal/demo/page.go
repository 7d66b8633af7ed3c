package demo

import (
	"encoding/json"
	"hash/fnv"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// hues is how many colours style.css has for apps, classes hue0 and up.
const hues = 6

// pageView is what page.html shows.
type pageView struct {
	Name       string
	Hue        int
	Session    sessionView
	Attributes []attributeView
	Count      string
	User       string // empty if nobody has logged in
	Locked     bool   // changes would come to nothing
	Partial    bool   // Attributes may lack some
	Tiles      []tile
	Control    string // URL of the control's own page, or ""
}

// sessionView is a session's state and facts as texts.
type sessionView struct {
	State, Ref, Node, Version string
	Created, Accessed         stamp
	Exists                    bool // there is a session behind this request
}

// stamp is a time for machines and for people.
type stamp struct{ RFC, Day, Clock string }

// attributeView is one line of the attribute list.
type attributeView struct {
	Name, Value, Type string
	Removable         bool // its name survives an HTML form
}

// tile is one part of the demo with the addresses of its buttons.
type tile struct {
	Part
	Mark               string // what this part has to do with the request
	Stop, Start, Empty string // form actions; "" for no button
}

// view gathers what the page shows of s and of the demo around it.
func (a *App) view(s session) pageView {
	v := pageView{
		Name:       a.cfg.Name,
		Hue:        hue(a.cfg.Name),
		Attributes: attributeViews(s.attributes),
		Count:      "0",
		Partial:    s.partial,
		Locked:     s.state == stateUnavailable || s.state == stateDirect,
		Session: sessionView{
			State:    s.state,
			Ref:      s.ref,
			Node:     s.node,
			Created:  newStamp(s.created),
			Accessed: newStamp(s.accessed),
			Exists:   s.state == stateOK || s.state == stateTooLarge,
		},
	}
	if s.version > 0 {
		v.Session.Version = strconv.FormatInt(s.version, 10)
	}
	if s.partial {
		v.Count = "–" // unless it turns up below
	}
	for _, at := range v.Attributes {
		switch {
		case at.Name == "count" && at.Type == "number":
			v.Count = at.Value
		case at.Name == "user":
			v.User = at.Value
		}
	}
	if a.control != "" {
		v.Control = a.control + controlPath
	}
	if a.cfg.Parts != nil {
		v.Tiles = newTiles(a.cfg.Parts(), v.Control, a.cfg.Name, s.node)
	}
	return v
}

// attributeViews returns the attributes in the order of their names.
func attributeViews(attributes map[string]json.RawMessage) []attributeView {
	var views []attributeView
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		value, kind := display(attributes[name])
		views = append(views, attributeView{
			Name:  name,
			Value: value,
			Type:  kind,
			// A browser posts a line feed as CR LF, and NUL not at all.
			Removable: name != "" && !strings.ContainsFunc(name, unicode.IsControl),
		})
	}
	return views
}

// display returns the text of a JSON value and the word for its type: a
// string without quotes, anything else as it is written.
func display(raw json.RawMessage) (text, kind string) {
	text = string(raw)
	switch raw[0] {
	case '"':
		// raw was decoded once already, so this cannot fail.
		_ = json.Unmarshal(raw, &text)
		return text, "text"
	case '{':
		return text, "object"
	case '[':
		return text, "array"
	case 't', 'f':
		return text, "boolean"
	case 'n':
		return text, "null"
	}
	return text, "number"
}

// newStamp splits an RFC 3339 time for reading: within a demo the clock tells
// more than the day. What is no time becomes the zero stamp.
func newStamp(rfc string) stamp {
	t, err := time.Parse(time.RFC3339, rfc)
	if err != nil {
		return stamp{}
	}
	return stamp{RFC: rfc, Day: t.Format("2 Jan 2006"), Clock: t.Format("15:04:05 UTC")}
}

// newTiles returns a tile for each part. Their buttons post below the URL
// control if there is one; app and node are those of the request, or "".
func newTiles(parts []Part, control, app, node string) []tile {
	var tiles []tile
	for _, p := range parts {
		t := tile{Part: p}
		switch {
		case p.Kind == kindApp && p.Name == app:
			t.Mark = "answered this request"
		case p.Kind == kindNode && p.Name == node:
			t.Mark = "holds this session"
		}
		if control != "" {
			name := url.PathEscape(p.Name)
			t.Stop = control + "stop/" + name
			t.Start = control + "start/" + name
			if p.Kind == kindNode {
				t.Empty = control + "empty/" + name
			}
		}
		tiles = append(tiles, t)
	}
	return tiles
}

// hue returns the colour of an app. Numbered names take neighbouring colours,
// so that app1 and app2 never look alike.
func hue(name string) int {
	digits := name[len(strings.TrimRight(name, "0123456789")):]
	if n, err := strconv.ParseUint(digits, 10, 64); err == nil {
		return int(n % hues)
	}
	h := fnv.New32a()
	h.Write([]byte(name))
	return int(h.Sum32() % hues)
}
