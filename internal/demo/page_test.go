package demo

import (
	"os"
	"strings"
	"testing"
)

func twoParts() []Part {
	return []Part{
		{Name: "app1", Kind: "app", Addr: "127.0.0.1:9001", Up: true},
		{Name: "n1", Kind: "node", Addr: "127.0.0.1:11211"},
	}
}

// pageTest is a request and what its page must and must not contain.
type pageTest struct {
	name             string
	cfg              Config
	meta, attributes string
	want, not        []string
}

func pageTests() []pageTest {
	return []pageTest{
		{
			"session", Config{Name: "app1"}, okMeta, `{"count":7,"user":"ann"}`,
			[]string{`<html lang="en">`, `<body class="hue1">`, `<h1 id="app">app1</h1>`, "k3tq5", ">17<", ">n1<",
				`<time datetime="2024-11-21T06:53:20Z">`, `name="dataName"`, `name="dataValue"`, ">7</output>",
				"Logged in as", `aria-label="Remove count"`},
			[]string{"<script", "style=", "_demo", `class="tile`, "notice"},
		},
		{
			"none", Config{Name: "app2"}, "state=none", "",
			[]string{`class="hue2"`, "No session yet", "No attributes.", ">0</output>", `value="ann"`},
			[]string{"disabled", "Destroy the session"},
		},
		{
			"direct", Config{Name: "app1"}, "", `{"user":"mallory"}`,
			[]string{"This app is not behind msmd: no session.", "<fieldset disabled>"},
			[]string{"mallory"},
		},
		{
			"unavailable", Config{Name: "app1"}, "state=unavailable", "",
			[]string{`role="alert"`, "read-only", "cookie is kept", "<fieldset disabled>", ">–</output>"},
			[]string{"No attributes."},
		},
		{"toolarge", Config{Name: "app1"}, "state=toolarge", "", []string{"larger than msmd puts", ">–</output>", "Destroy the session"}, nil},
		{"revoked", Config{Name: "app1"}, "state=revoked", "", []string{"was revoked"}, nil},
		{"future", Config{Name: "app1"}, "state=later", "", []string{"does not know"}, nil},
		{
			"parts", Config{Name: "app1", Control: "http://127.0.0.1:8081/", Parts: twoParts}, okMeta, "",
			[]string{`action="http://127.0.0.1:8081/_demo/stop/app1"`, `action="http://127.0.0.1:8081/_demo/start/n1"`,
				`action="http://127.0.0.1:8081/_demo/empty/n1"`, `href="http://127.0.0.1:8081/_demo/"`,
				"answered this request", "holds this session", "running", "stopped"},
			[]string{"stop/n1", "start/app1", "empty/app1"},
		},
		{
			"parts without control", Config{Name: "app1", Control: "javascript:alert(1)", Parts: twoParts}, okMeta, "",
			[]string{"127.0.0.1:11211"}, []string{"_demo", "javascript"},
		},
	}
}

func TestPage(t *testing.T) {
	for _, tt := range pageTests() {
		w := serve(NewApp(tt.cfg), newRequest("GET", "/", "", tt.meta, tt.attributes, "Accept", "text/html"))
		page := w.Body.String()
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %q", tt.name, w.Code, w.Header().Get("Content-Type"))
		}
		for _, want := range tt.want {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page lacks %s", tt.name, want)
			}
		}
		for _, not := range tt.not {
			if strings.Contains(page, not) {
				t.Errorf("%s: the page has %s", tt.name, not)
			}
		}
	}
}

func TestPageHeaders(t *testing.T) {
	w := serve(NewApp(Config{Name: "app1", Control: "http://127.0.0.1:8081/x?y"}), newRequest("HEAD", "/", "", okMeta, ""))
	for name, want := range map[string]string{
		"Cache-Control": "no-store",
		"Vary":          "Accept",
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; " +
			"base-uri 'none'; frame-ancestors 'none'; form-action 'self' http://127.0.0.1:8081",
		"X-Content-Type-Options": "nosniff",
		// A stricter policy would turn the Origin of the buttons into "null".
		"Referrer-Policy":   "",
		"Msm-Session-Patch": "",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestEscaping(t *testing.T) {
	attributes := `{"__proto__":"x","<script>alert(1)</script>":"\"><img src=x>","\"q'":1,` +
		`"\u00e9\u4e2d\ud83d\ude00\u2028":[ 1 , "\u003c" ],"":true,"a\nb":null,"o": {"k":false} }`
	page := serve(NewApp(Config{Name: "<b>"}), newRequest("GET", "/", "", okMeta, attributes)).Body.String()
	for _, want := range []string{
		`name="dataName" value="__proto__"`,
		`<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>`,
		`<bdi>&#34;&gt;&lt;img src=x&gt;</bdi>`,
		`name="dataName" value="&#34;q&#39;"`,
		"name=\"dataName\" value=\"é中😀\u2028\"",
		`<bdi>[ 1 , &#34;\u003c&#34; ]</bdi>`,
		`>boolean<`, `>null<`, `>object<`, `>array<`,
		`<h1 id="app">&lt;b&gt;</h1>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, not := range []string{"<script", "<img", "<b>", `aria-label="Remove "`, "Remove a\nb"} {
		if strings.Contains(page, not) {
			t.Errorf("the page has %s", not)
		}
	}
}

func TestHue(t *testing.T) {
	css, err := assets.ReadFile("assets/style.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "web", "app1", "app2", "app17", "app99999999999999999999"} {
		class := ".hue" + string(rune('0'+hue(name))) + " "
		if !strings.Contains(string(css), class) {
			t.Errorf("hue(%q): the stylesheet lacks %s", name, class)
		}
	}
	if hue("app1") == hue("app2") {
		t.Error("app1 and app2 look alike")
	}
}

// Whatever is in the directory is compiled into msmd.
func TestAssetFiles(t *testing.T) {
	entries, err := os.ReadDir("assets")
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 5 {
		t.Errorf("%d files in assets, want 5", len(entries))
	}
}
