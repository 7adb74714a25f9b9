package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
)

// trustText is the trust page in one language: trust/en.json and its kin.
type trustText struct {
	Title     string `json:"title"`
	Why       string `json:"why"`
	Languages string `json:"languages"`

	State      string `json:"state"`
	Trusted    string `json:"trusted"`
	NotTrusted string `json:"notTrusted"`
	Open       string `json:"open"`

	GetTitle string `json:"getTitle"`
	GetText  string `json:"getText"`
	Get      string `json:"get"`
	QR       string `json:"qr"`

	InstallTitle string        `json:"installTitle"`
	InstallText  string        `json:"installText"`
	Devices      []trustDevice `json:"devices"`

	OpenTitle string `json:"openTitle"`
	OpenText  string `json:"openText"`

	SafeTitle   string `json:"safeTitle"`
	SafeText    string `json:"safeText"`
	Name        string `json:"name"`
	Fingerprint string `json:"fingerprint"`
	CompareText string `json:"compareText"`
	RemoveText  string `json:"removeText"`
}

// trustDevice is what to do on one kind of device. Its texts are HTML: they are part of the program, and nobody else's.
type trustDevice struct {
	// ID is that of deviceOf.
	ID    string          `json:"id"`
	Name  string          `json:"name"`
	Steps []template.HTML `json:"steps"`
	Note  template.HTML   `json:"note,omitempty"`
}

// trustTexts are the languages of the page.
var trustTexts = map[string]*trustText{"en": readTrustText("en"), "ja": readTrustText("ja")}

// readTrustText reads an embedded file, so a mistake in it is one of the program.
func readTrustText(lang string) *trustText {
	data, err := trustFiles.ReadFile("trust/" + lang + ".json")
	if err != nil {
		panic(fmt.Sprintf("read embedded text: %v", err))
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	text := &trustText{}
	if err := decoder.Decode(text); err != nil {
		panic(fmt.Sprintf("read embedded text %s: %v", lang, err))
	}
	return text
}
