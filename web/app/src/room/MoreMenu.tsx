import { Activity, Check, Ellipsis, Keyboard, Link, Maximize, Minimize, QrCode, SlidersHorizontal } from 'lucide-react';
import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button, Header, Menu, MenuItem, MenuSection, MenuTrigger, Popover, Separator } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import type { Call } from '../call/call.ts';
import { isSelfView, type SelfView } from '../call/tiles.ts';
import { languages, setLanguage } from '../text/setup.ts';
import { notices } from '../ui/notices.ts';
import { copyText, roomLink } from './Alone.tsx';
import type { Fullscreen } from './useFullscreen.ts';
import type { WindowName } from './Windows.tsx';

interface MoreMenuProps {
  readonly call: Call;
  readonly selfView: SelfView;
  readonly onSelfView: (view: SelfView) => void;
  readonly fullscreen: Fullscreen;
  readonly onWindow: (name: WindowName) => void;
}

interface LineProps {
  readonly icon: LucideIcon;
  readonly text: string;
  readonly shortcut?: string;
}

function Line({ icon: Icon, text, shortcut }: LineProps): ReactNode {
  return (
    <>
      <Icon aria-hidden />
      <span className="menu-text">{text}</span>
      {shortcut !== undefined && <kbd className="menu-key">{shortcut}</kbd>}
    </>
  );
}

function ChoiceLine({ isSelected, text, lang }: { isSelected: boolean; text: string; lang?: string }): ReactNode {
  return (
    <>
      <Check aria-hidden className={isSelected ? '' : 'is-invisible'} />
      <span className="menu-text" lang={lang}>
        {text}
      </span>
    </>
  );
}

/** What is wanted seldom. */
export function MoreMenu({ call, selfView, onSelfView, fullscreen, onWindow }: MoreMenuProps): ReactNode {
  const { t, i18n } = useTranslation();
  const selfViews = [
    ['auto', t('menu.selfAuto')],
    ['grid', t('menu.selfGrid')],
    ['float', t('menu.selfFloat')],
    ['hidden', t('menu.selfHidden')],
  ] as const;
  const copyLink = async (): Promise<void> => {
    if (await copyText(roomLink(call.roomName))) notices.show(t('news.linkCopied'));
    else onWindow('invite');
  };
  const item = (onAction: () => void, line: LineProps): ReactNode => (
    <MenuItem className="menu-item" textValue={line.text} onAction={onAction}>
      <Line {...line} />
    </MenuItem>
  );
  const open = (name: WindowName) => (): void => {
    onWindow(name);
  };
  return (
    <MenuTrigger>
      <Button className="icon-button" aria-label={t('room.more')} data-testid="more">
        <Ellipsis aria-hidden />
      </Button>
      <Popover className="popover" placement="top end">
        <Menu className="menu">
          {item(() => void copyLink(), { icon: Link, text: t('menu.copyLink') })}
          {item(open('invite'), { icon: QrCode, text: t('menu.invite') })}
          {fullscreen.isPossible &&
            item(fullscreen.toggle, {
              icon: fullscreen.isOn ? Minimize : Maximize,
              text: t(fullscreen.isOn ? 'menu.exitFullscreen' : 'menu.fullscreen'),
              shortcut: 'F',
            })}
          {item(open('devices'), { icon: SlidersHorizontal, text: t('green.settings') })}
          {item(open('statistics'), { icon: Activity, text: t('menu.statistics') })}
          {item(open('shortcuts'), { icon: Keyboard, text: t('menu.shortcuts'), shortcut: '?' })}
          <Separator className="menu-line" />
          <MenuSection
            selectionMode="single"
            disallowEmptySelection
            selectedKeys={[selfView]}
            onSelectionChange={(keys) => {
              const [key] = keys;
              if (typeof key === 'string' && isSelfView(key)) onSelfView(key);
            }}
          >
            <Header className="menu-section-head">{t('menu.selfView')}</Header>
            {selfViews.map(([id, text]) => (
              <MenuItem key={id} id={id} className="menu-item" textValue={text}>
                {({ isSelected }) => <ChoiceLine isSelected={isSelected} text={text} />}
              </MenuItem>
            ))}
          </MenuSection>
          <Separator className="menu-line" />
          <MenuSection
            selectionMode="single"
            disallowEmptySelection
            selectedKeys={[i18n.language]}
            onSelectionChange={(keys) => {
              const [key] = keys;
              const chosen = languages.find(({ code }) => code === key);
              if (chosen !== undefined) setLanguage(chosen.code);
            }}
          >
            <Header className="menu-section-head">{t('menu.language')}</Header>
            {languages.map(({ code, name }) => (
              <MenuItem key={code} id={code} className="menu-item" textValue={name}>
                {({ isSelected }) => <ChoiceLine isSelected={isSelected} text={name} lang={code} />}
              </MenuItem>
            ))}
          </MenuSection>
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
