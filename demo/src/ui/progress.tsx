/** How far the first visit has come; nothing once all of it is there. */
import { type Stage, model, settled, text, vectors } from '../state.ts';

interface Row {
  readonly label: string;
  readonly stage: Stage;
  readonly unit: (stage: Stage) => string;
}

const count = new Intl.NumberFormat('en');
const words = ({ done, total }: Stage) => (total === 0 ? '' : `${count.format(done)} of ${count.format(total)}`);
const megabytes = ({ done, total }: Stage) => (total === 0 ? '' : `${(done / 1e6).toFixed(0)} of ${(total / 1e6).toFixed(0)} MB`);

export function Progress() {
  if (settled.value) return null;
  const rows: Row[] = [
    { label: 'Words', stage: text.value, unit: words },
    { label: 'Meanings', stage: vectors.value, unit: words },
    { label: 'Language model', stage: model.value, unit: megabytes },
  ];
  return (
    <section class="progress" aria-label="Getting the dictionary onto this device" data-progress>
      {rows.map(({ label, stage, unit }) => (
        <div key={label} class={`stage ${stage.state}`}>
          <span class="label">{label}</span>
          <Bar label={label} stage={stage} />
          <span class="amount">{stage.state === 'failed' ? 'failed' : stage.state === 'done' ? 'ready' : unit(stage)}</span>
          {stage.state === 'failed' && <p class="error">{stage.error}</p>}
        </div>
      ))}
    </section>
  );
}

export function Bar({ label, stage }: { label: string; stage: Stage }) {
  const part = stage.state === 'done' ? 1 : stage.total === 0 ? 0 : stage.done / stage.total;
  return (
    <div class="bar" role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(part * 100)}>
      <div style={{ transform: `scaleX(${part})` }} />
    </div>
  );
}
