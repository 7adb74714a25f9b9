import { Check, Copy } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Button } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import type { Call } from '../call/call.ts';
import { useRoom, useStore } from '../call/hooks.ts';
import { copyText } from './Alone.tsx';
import { connectionFacts, statsRows, statsText } from './statsText.ts';

const columns = ['from', 'picture', 'codec', 'bitrate', 'loss', 'freezes', 'buffer'] as const;

/** Statistics for nerds: every track and the connection, as they are now. */
export function Statistics({ call }: { readonly call: Call }): ReactNode {
  const { t } = useTranslation();
  const { room } = call;
  const stats = useStore(call.stats.latest);
  const others = useRoom(room, 'participants');
  const [isCopied, setCopied] = useState(false);
  if (stats === undefined) return <p>{t('statistics.wait')}</p>;

  const rows = statsRows(stats, room.self === undefined ? others : [...others, room.self]);
  const { counters, timings } = room;
  const copy = async (): Promise<void> => {
    setCopied(await copyText(statsText(stats, rows, { ...counters, ...timings, userAgent: navigator.userAgent })));
  };
  return (
    <div className="stats">
      <dl className="stats-facts">
        {connectionFacts(stats).map(([name, value]) => (
          <div key={name}>
            <dt>{t(`statistics.${name}`)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        <div>
          <dt>{t('statistics.joined')}</dt>
          <dd>{timings.joinMs === undefined ? '–' : `${Math.round(timings.joinMs)} ms`}</dd>
        </div>
        <div>
          <dt>{t('statistics.negotiations')}</dt>
          <dd>{counters.offers}</dd>
        </div>
        <div>
          <dt>{t('statistics.seats')}</dt>
          <dd>{counters.seats}</dd>
        </div>
      </dl>
      {/* It scrolls sideways on a phone, so it can be reached by keyboard. */}
      <div className="stats-scroll" tabIndex={0} role="region" aria-label={t('statistics.title')}>
        <table>
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column} scope="col">
                  {t(`statistics.${column}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.key}>
                <th scope="row">
                  {row.direction === 'receive' ? '↓' : '↑'} {row.who} <span className="stats-what">{row.what}</span>
                </th>
                <td>{row.picture}</td>
                <td>{row.codec}</td>
                <td>{row.bitrate}</td>
                <td>{row.lost}</td>
                <td>{row.freezes}</td>
                <td>{row.buffer}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {rows.length === 0 && <p>{t('statistics.none')}</p>}
      </div>
      <Button className="button" onPress={() => void copy()}>
        {isCopied ? <Check aria-hidden /> : <Copy aria-hidden />}
        {isCopied ? t('statistics.copied') : t('statistics.copy')}
      </Button>
    </div>
  );
}
