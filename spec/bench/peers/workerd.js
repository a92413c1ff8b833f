// The peer in workerd: Durable Objects that do what the actors do. What an object has put is synced before its answer
// leaves, each time that one calls another.
import { DurableObject } from "cloudflare:workers";

const START = 1000000;   // what is in a new account

export class Account extends DurableObject {
  async add(amount) {
    const balance = (await this.ctx.storage.get("balance") ?? START) + amount;
    if (balance < 0) throw new Error("there is not enough");
    this.ctx.storage.put("balance", balance);
    return balance;
  }
}

export class Transfer extends DurableObject {
  async move(from, to, amount) {
    const account = (name) => this.env.ACCOUNT.get(this.env.ACCOUNT.idFromName(name));
    await account(from).add(-amount);
    await account(to).add(amount);
    const noted = await this.ctx.storage.get("noted") ?? { count: 0, sum: 0 };
    noted.count += 1;
    noted.sum += amount;
    this.ctx.storage.put("noted", noted);
    return noted.count;
  }
}

// The body is the arguments of a transfer, as JSON.
export default {
  async fetch(request, env) {
    const [from, to, amount] = await request.json();
    const transfer = env.TRANSFER.get(env.TRANSFER.idFromName(from));
    return Response.json({ result: await transfer.move(from, to, amount) });
  }
};
