// Plan, preview, commit, move, recall and stop by the client that openapi-ts makes, and print what was answered.
import {
  orchestrationScheduleWave,
  orchestrationStop,
  wavesMove,
  wavesRecall,
  wavesRecallPreview,
  wavesShow,
} from "./headend-client/index.js";
import { client } from "./headend-client/client.gen.js";
import type { ScheduleWave } from "./headend-client/index.js";

declare const process: { env: Record<string, string> };

const { HEADEND_URL, HEADEND_TOKEN, WANTED } = process.env;
const { body, later } = JSON.parse(WANTED) as { body: ScheduleWave; later: string };
client.setConfig({ baseUrl: HEADEND_URL as `http://${string}`, auth: () => HEADEND_TOKEN });

const preview = await orchestrationScheduleWave({ body: { ...body, dry_run: true }, throwOnError: true });
const fingerprint = preview.data.plan.fingerprint;

const committed = await orchestrationScheduleWave({
  body: { ...body, fingerprint },
  headers: { "Idempotency-Key": "once" },
  throwOnError: true,
});
const wave_id = committed.data.wave?.id;
if (wave_id === undefined) throw new Error("no wave was made");

await wavesMove({
  path: { wave_id },
  body: { scheduled_at: later, reason: "an hour later" },
  throwOnError: true,
});

const shown = await wavesRecallPreview({ path: { wave_id }, throwOnError: true });
await wavesRecall({
  path: { wave_id },
  body: { confirmed_ids: shown.data.public.map((row) => row.id) },
  throwOnError: true,
});
const stopped = await orchestrationStop({ throwOnError: true });
const refused = await wavesShow({ path: { wave_id: 999_999 } });

console.log(
  JSON.stringify({
    previewed: { wave: preview.data.wave, fingerprint },
    committed: committed.data,
    shown: shown.data,
    stopped: stopped.data.state,
    refused: { status: refused.response?.status, code: refused.error?.code },
  }),
);
