package main

import "html/template"

// trustText is the trust page in one language. What has the type template.HTML is written here and nowhere else.
type trustText struct {
	Title, Why                       string
	Languages                        string
	State, Trusted, NotTrusted, Open string
	GetTitle, GetText, Get, QR       string
	InstallTitle, InstallText        string
	Devices                          []trustDevice
	OpenTitle, OpenText              string
	SafeTitle, SafeText              string
	Name, Fingerprint                string
	CompareText, RemoveText          string
}

// trustDevice is what to do on one kind of device.
type trustDevice struct {
	// ID is that of deviceOf.
	ID    string
	Name  string
	Steps []template.HTML
	Note  template.HTML
}

// trustTexts are the languages of the page.
var trustTexts = map[string]*trustText{"en": &trustEnglish, "ja": &trustJapanese}

var trustEnglish = trustText{
	Title:     "Trust this server on your device",
	Why:       "Browsers give camera and microphone only to encrypted pages whose certificate they trust. This server is in a private network, so it vouches for itself. Tell your device once that it may.",
	Languages: "Language",

	State:      "Does this device trust the server?",
	Trusted:    "This device trusts the server. Nothing is left to do.",
	NotTrusted: "This device does not trust the server yet, or it could not be asked.",
	Open:       "Open the rooms",

	GetTitle: "Get the certificate",
	GetText:  "Download it on the device that is to join. On a phone, scan the code to get to this page.",
	Get:      "Download certificate",
	QR:       "This page, for a phone in the same network:",

	InstallTitle: "Install it",
	InstallText:  "Menus differ a little from version to version; searching the settings for “certificate” helps.",
	Devices: []trustDevice{
		{
			ID: "ios", Name: "iPhone and iPad",
			Steps: []template.HTML{
				"Open this page in <strong>Safari</strong>, tap <strong>Download certificate</strong>, then <strong>Allow</strong>.",
				"Open <strong>Settings</strong>. Near the top, tap <strong>Profile Downloaded</strong> (or: General › VPN &amp; Device Management). Tap <strong>Install</strong>, and enter your passcode.",
				"Go to <strong>General › About › Certificate Trust Settings</strong>, at the very bottom, and switch the certificate <strong>on</strong>. Without this step it does not count.",
			},
		},
		{
			ID: "android", Name: "Android",
			Steps: []template.HTML{
				"Tap <strong>Download certificate</strong>.",
				"Open <strong>Settings</strong> and search for <strong>CA certificate</strong> (it is in Security › More security settings › Encryption &amp; credentials › Install a certificate).",
				"Tap <strong>CA certificate</strong>, then <strong>Install anyway</strong>, and choose <strong>hiroba-ca.crt</strong> among your downloads.",
				"Come back and open the rooms in Chrome.",
			},
			Note: "Android then says that the network may be monitored. It says so of every certificate that is installed by hand. In Firefox, also: Settings › About Firefox, tap the logo five times, then Settings › Secret Settings › <strong>Use third party CA certificates</strong>.",
		},
		{
			ID: "windows", Name: "Windows (Chrome, Edge)",
			Steps: []template.HTML{
				"Download the certificate and open it: <strong>hiroba-ca.crt</strong> › <strong>Open</strong>.",
				"Click <strong>Install Certificate…</strong> › <strong>Current User</strong> › <strong>Next</strong>.",
				"Choose <strong>Place all certificates in the following store</strong> › <strong>Browse…</strong> › <strong>Trusted Root Certification Authorities</strong> › <strong>OK</strong> › <strong>Next</strong> › <strong>Finish</strong> › <strong>Yes</strong>.",
				"Close all windows of the browser and start it again.",
			},
		},
		{
			ID: "macos", Name: "Mac (Safari, Chrome)",
			Steps: []template.HTML{
				"Download the certificate and open it. <strong>Keychain Access</strong> asks where to: choose <strong>login</strong>.",
				"In Keychain Access, under <strong>Certificates</strong>, double-click the certificate (it begins with “Hiroba on”).",
				"Open <strong>Trust</strong>, set <strong>When using this certificate</strong> to <strong>Always Trust</strong>, close the window, and enter your password.",
				"Quit the browser and start it again.",
			},
		},
		{
			ID: "firefox", Name: "Firefox on a computer",
			Steps: []template.HTML{
				"On Windows and Mac, Firefox believes the system: follow the steps above, and start Firefox again.",
				"Elsewhere: <strong>Settings › Privacy &amp; Security › Certificates › View Certificates… › Authorities › Import…</strong>, and choose <strong>hiroba-ca.crt</strong>.",
				"Tick <strong>Trust this CA to identify websites</strong>, then <strong>OK</strong>.",
			},
		},
		{
			ID: "linux", Name: "Linux (Chrome, Chromium)",
			Steps: []template.HTML{
				"Download the certificate.",
				"Type <strong>chrome://certificate-manager</strong> into the address bar, and open <strong>Local certificates › Custom › Installed by you</strong>.",
				"Next to <strong>Trusted Certificates</strong> click <strong>Import</strong>, and choose <strong>hiroba-ca.crt</strong>.",
			},
			Note: "Or in a terminal (package libnss3-tools): <code>certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n Hiroba -i hiroba-ca.crt</code>",
		},
	},

	OpenTitle: "Open the rooms",
	OpenText:  "These addresses lead to this server. The first one works surely; names only where the network knows them.",

	SafeTitle:   "Is that safe?",
	SafeText:    "The certificate is limited: it can vouch for names and addresses of private networks only, never for a site on the internet. Its key stays on this server.",
	Name:        "Name of the certificate",
	Fingerprint: "Fingerprint (SHA-256)",
	CompareText: "This page may have come without encryption. To be sure that nobody has changed it on its way, compare the fingerprint with the one that the server printed when it started.",
	RemoveText:  "To stop trusting the server, delete the certificate in the same place where you installed it.",
}

var trustJapanese = trustText{
	Title:     "この端末でサーバーを信頼する",
	Why:       "ブラウザがカメラとマイクを使わせるのは、信頼できる証明書を持つ暗号化されたページだけです。このサーバーは家庭や社内のネットワークにあり、自分で証明書を発行しています。端末ごとに一度だけ、信頼する設定をしてください。",
	Languages: "言語",

	State:      "この端末はサーバーを信頼していますか",
	Trusted:    "この端末はサーバーを信頼しています。設定は完了です。",
	NotTrusted: "この端末はまだサーバーを信頼していないか、確認できませんでした。",
	Open:       "広場を開く",

	GetTitle: "証明書を入手する",
	GetText:  "参加に使う端末でダウンロードしてください。スマートフォンでは QR コードを読み取るとこのページが開きます。",
	Get:      "証明書をダウンロード",
	QR:       "同じネットワークのスマートフォン用:",

	InstallTitle: "インストールする",
	InstallText:  "メニューの名前はバージョンによって少し異なります。設定で「証明書」を検索すると見つけやすくなります。",
	Devices: []trustDevice{
		{
			ID: "ios", Name: "iPhone・iPad",
			Steps: []template.HTML{
				"このページを <strong>Safari</strong> で開き、<strong>証明書をダウンロード</strong>、<strong>許可</strong>の順にタップします。",
				"<strong>設定</strong>を開き、上の方の<strong>プロファイルがダウンロードされました</strong>（または 一般 › VPNとデバイス管理）をタップし、<strong>インストール</strong>を選んでパスコードを入力します。",
				"<strong>一般 › 情報 › 証明書信頼設定</strong>（一番下）で、この証明書を<strong>オン</strong>にします。これをしないと有効になりません。",
			},
		},
		{
			ID: "android", Name: "Android",
			Steps: []template.HTML{
				"<strong>証明書をダウンロード</strong>をタップします。",
				"<strong>設定</strong>で <strong>CA 証明書</strong>を検索します（セキュリティ › その他のセキュリティ設定 › 暗号化と認証情報 › 証明書のインストール）。",
				"<strong>CA 証明書</strong> › <strong>インストールする</strong>の順にタップし、ダウンロードした <strong>hiroba-ca.crt</strong> を選びます。",
				"このページに戻り、Chrome で広場を開きます。",
			},
			Note: "その後「ネットワークが監視されている可能性があります」と表示されますが、手動で入れた証明書には必ず出るものです。Firefox ではさらに、設定 › Firefox について でロゴを 5 回タップし、設定 › Secret Settings › <strong>Use third party CA certificates</strong> をオンにします。",
		},
		{
			ID: "windows", Name: "Windows（Chrome・Edge）",
			Steps: []template.HTML{
				"ダウンロードした <strong>hiroba-ca.crt</strong> を開き、<strong>開く</strong>をクリックします。",
				"<strong>証明書のインストール</strong> › <strong>現在のユーザー</strong> › <strong>次へ</strong>をクリックします。",
				"<strong>証明書をすべて次のストアに配置する</strong> › <strong>参照</strong> › <strong>信頼されたルート証明機関</strong> › <strong>OK</strong> › <strong>次へ</strong> › <strong>完了</strong> › <strong>はい</strong>をクリックします。",
				"ブラウザのウィンドウをすべて閉じ、開き直します。",
			},
		},
		{
			ID: "macos", Name: "Mac（Safari・Chrome）",
			Steps: []template.HTML{
				"ダウンロードした証明書を開きます。<strong>キーチェーンアクセス</strong>で追加先に<strong>ログイン</strong>を選びます。",
				"キーチェーンアクセスの<strong>証明書</strong>で、この証明書（「Hiroba on」で始まるもの）をダブルクリックします。",
				"<strong>信頼</strong>を開き、<strong>この証明書を使用するとき</strong>を<strong>常に信頼</strong>にして閉じ、パスワードを入力します。",
				"ブラウザを終了し、開き直します。",
			},
		},
		{
			ID: "firefox", Name: "パソコンの Firefox",
			Steps: []template.HTML{
				"Windows と Mac では、Firefox はシステムの設定に従います。上の手順のあと Firefox を開き直してください。",
				"それ以外では、<strong>設定 › プライバシーとセキュリティ › 証明書 › 証明書を表示 › 認証局証明書 › インポート</strong>で <strong>hiroba-ca.crt</strong> を選びます。",
				"<strong>この認証局によるウェブサイトの識別を信頼する</strong>にチェックを入れ、<strong>OK</strong> をクリックします。",
			},
		},
		{
			ID: "linux", Name: "Linux（Chrome・Chromium）",
			Steps: []template.HTML{
				"証明書をダウンロードします。",
				"アドレスバーに <strong>chrome://certificate-manager</strong> と入力し、<strong>ローカル証明書 › カスタム › 自分でインストール</strong>を開きます。",
				"<strong>信頼できる証明書</strong>の<strong>インポート</strong>で <strong>hiroba-ca.crt</strong> を選びます。",
			},
			Note: "端末で行う場合（パッケージ libnss3-tools）: <code>certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n Hiroba -i hiroba-ca.crt</code>",
		},
	},

	OpenTitle: "広場を開く",
	OpenText:  "どれもこのサーバーのアドレスです。一番上が最も確実で、名前のものはネットワークが対応している場合に使えます。",

	SafeTitle:   "安全ですか",
	SafeText:    "この証明書で証明できるのは、家庭や社内など私設ネットワークの名前とアドレスだけです。インターネット上のサイトには使えません。鍵はこのサーバーの外に出ません。",
	Name:        "証明書の名前",
	Fingerprint: "フィンガープリント（SHA-256）",
	CompareText: "このページは暗号化されずに届いた可能性があります。途中で書き換えられていないことを確かめるには、サーバーが起動時に表示したフィンガープリントと見比べてください。",
	RemoveText:  "信頼をやめるには、インストールしたのと同じ場所で証明書を削除してください。",
}
