// The doors of crash.mjs, by the names that its --doors takes.
import { Api } from "./api.mjs";
import { EventsIn } from "./events_in.mjs";
import { EventsOut } from "./events_out.mjs";
import { News } from "./news.mjs";
import { Papers } from "./papers.mjs";
import { Pay } from "./pay.mjs";
import { Portal } from "./portal.mjs";

export const DOORS = { events_in: EventsIn, events_out: EventsOut, api: Api, news: News, pay: Pay, portal: Portal, papers: Papers };
export const DOOR_NAMES = Object.keys(DOORS);
